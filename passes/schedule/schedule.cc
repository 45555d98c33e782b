#include "passes/schedule/schedule.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "passes/schedule/core/template.h"

namespace sinter::passes {

using graph::Op;

namespace {

loop::Kernel run_schedule(Template t) {
  using Schedule = loop::Kernel (*)(Template&);
  static const std::vector<std::pair<std::string_view, Schedule>> schedules = {
      {"map", schedule_map},
      {"reduce", schedule_reduce},
      {"contract", schedule_contract},
      {"scatter", schedule_scatter},
      {"concat", schedule_concat},
      {"cumsum", schedule_cumsum},
      {"top_k", schedule_top_k},
      {"together", schedule_together},
      {"attention", schedule_attention},
      {"attention_backward", schedule_attention_backward}};
  static const std::vector<std::pair<std::string_view, Schedule>> of_workgroups = {
      {"reduce", schedule_reduce_workgroups},
      {"contract", schedule_contract_workgroups},
      {"attention", schedule_attention_workgroups},
      {"attention_backward", schedule_attention_backward_workgroups}};
  const std::string& anchor = t.kernel.attributes.text("anchor");
  const bool has_workgroups = t.target().has_workgroups();
  for (const auto* table : {has_workgroups ? &of_workgroups : &schedules, &schedules}) {
    for (const auto& [name, run] : *table) {
      if (name == anchor) return run(t);
    }
  }
  throw InternalError(fmt::format("no schedule for a kernel with anchor '{}'", anchor));
}

}  // namespace

loop::Kernel schedule(const Op& kernel, ScheduleContext& context) {
  return run_schedule(Template(kernel, context));
}

loop::Kernel schedule(const Op& kernel, ScheduleContext& context, std::vector<loop::BufferRef> inputs,
                      std::vector<loop::BufferRef> outputs) {
  return run_schedule(Template(kernel, context, std::move(inputs), std::move(outputs)));
}

}  // namespace sinter::passes
