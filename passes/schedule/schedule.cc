#include "passes/schedule/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ir/error.h"
#include "passes/schedule/core/schedules.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Op;

namespace {

// Of the schedules of an anchor, the first that suits is taken.
const Schedule* const kSchedules[] = {
    &kMapFlat,
    &kMapRows,
    &kReduceWorkgroups,
    &kReduceRows,
    &kReduceColumns,
    &kContractWorkgroups,
    &kContractDots,
    &kContractTiles,
    &kScatterRows,
    &kScatterRuns,
    &kConcat,
    &kCumsum,
    &kTopK,
    &kAttentionRows,
    &kAttentionWorkgroups,
    &kAttentionThreads,
    &kAttentionBackwardRows,
    &kAttentionBackwardWorkgroups,
    &kAttentionBackwardThreads,
};

// Of a kernel without an element to compute.
constexpr std::string_view kNothing = "nothing";

bool makes_nothing(const Op& kernel) {
  const auto is_empty = [](const graph::TensorType& type) { return type.elements() == 0; };
  return std::ranges::all_of(kernel.results, is_empty) &&
         std::ranges::all_of(kernel.body->ops(), [&](const auto& op) {
           return op->kind() != graph::OpKind::check || is_empty(op->results[0]);
         });
}

loop::Kernel emit(Template t) {
  const Op& kernel = t.kernel;
  const Anchor anchor = anchor_of(kernel);
  const std::string place = graph::at(kernel.location);
  if (!kernel.attributes.has("choice"))
    throw GraphError(fmt::format("plan: a kernel of the anchor {} has no choice; choose comes first{}",
                                 graph::name(anchor), place));
  const Choice choice = parse_choice(kernel.attributes.text("choice"), kernel.location);
  if (makes_nothing(kernel) && choice == Choice{std::string(kNothing), {}}) return t.finish(loop::block({}));
  std::string known;
  for (const Schedule* schedule : kSchedules) {
    if (schedule->anchor != anchor) continue;
    if (schedule->name == choice.schedule) return schedule->emit(t, choice);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", schedule->name);
  }
  throw GraphError(
      fmt::format("choice '{}': no schedule of the anchor {} is called '{}': expected one of {}{}",
                  print(choice), graph::name(anchor), choice.schedule, known, place));
}

}  // namespace

std::vector<Choice> choices(const Op& kernel, const loop::Target& target) {
  if (is_kernel(kernel, Anchor::together)) return {};
  if (makes_nothing(kernel)) return {{std::string(kNothing), {}}};
  std::vector<loop::FaultSite> faults;
  ScheduleContext context{target, faults};
  Template t(kernel, context);
  std::vector<Choice> all;
  for (const Schedule* schedule : kSchedules) {
    if (schedule->anchor != anchor_of(kernel)) continue;
    for (Numbers& numbers : schedule->choices(t))
      all.push_back({std::string(schedule->name), std::move(numbers)});
  }
  if (all.empty())
    throw InternalError(
        fmt::format("no schedule for a kernel with anchor '{}'", graph::name(anchor_of(kernel))));
  return all;
}

loop::Kernel schedule(const Op& kernel, ScheduleContext& context) {
  if (is_kernel(kernel, Anchor::together)) return schedule_together(kernel, context);
  return emit(Template(kernel, context));
}

loop::Kernel schedule(const Op& kernel, ScheduleContext& context, std::vector<loop::BufferRef> inputs,
                      std::vector<loop::BufferRef> outputs) {
  return emit(Template(kernel, context, std::move(inputs), std::move(outputs)));
}

}  // namespace sinter::passes
