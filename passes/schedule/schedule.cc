#include "passes/schedule/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "ir/graph/text/text.h"
#include "passes/schedule/core/schedules.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Op;
using graph::OpCode;

namespace {

// Of the schedules of an anchor, the first that suits is taken.
const Schedule* const kSchedules[] = {
    &kMapFlat,
    &kMapRows,
    &kReduceWorkgroups,
    &kReduceRows,
    &kReduceColumnWorkgroups,
    &kReduceColumns,
    &kContractWorkgroups,
    &kContractDots,
    &kContractTiles,
    &kScatterRows,
    &kScatterRuns,
    &kUpdate,
    &kConcat,
    &kCumsum,
    &kTopK,
    &kSortRuns,
    &kSortMerge,
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
    throw GraphError(fmt::format("schedule: a kernel of the anchor {} has no choice; choose comes first{}",
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

class Scheduler {
 public:
  Scheduler(const graph::Module& module, const loop::Target& target) : module_(module), target_(target) {}

  loop::Program run(const graph::Function& function) {
    program_.name = function.name();
    add_all(function);
    return std::move(program_);
  }

 private:
  void add_all(const graph::Function& function) {
    for (const auto& op : function.ops()) {
      if (op->code == OpCode::kernel) add(*op);
      if (op->code == OpCode::scan) add_all(*module_.find_function(graph::callee(*op)));
    }
  }

  void add(const Op& op) {
    std::string text = op.attributes.text("anchor") + "\n";
    if (op.attributes.has("choice")) text += op.attributes.text("choice") + "\n";
    text += graph::print(*op.body, {.locations = false, .apart = false});
    if (const auto known = scheduled_.find(text); known != scheduled_.end()) {
      program_.kernels.push_back(program_.kernels[known->second]);
      describe(op, program_.kernels.back());
      return;
    }
    const size_t faults = program_.faults.size();
    ScheduleContext context{target_, program_.faults};
    program_.kernels.push_back(schedule(op, context));
    // What can fail says where.
    if (program_.faults.size() == faults) scheduled_.emplace(text, program_.kernels.size() - 1);
  }

  const graph::Module& module_;
  const loop::Target& target_;
  loop::Program program_;
  std::unordered_map<std::string, size_t> scheduled_;  // kernels, by what they compute
};

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
  if (all.empty() && graph::attends(kernel))
    throw GraphError(
        fmt::format("choose: the target has no schedule for a kernel of {}; release comes first{}",
                    graph::name(anchor_of(kernel)), graph::at(kernel.location)));
  if (all.empty())
    throw InternalError(
        fmt::format("no schedule for a kernel with anchor '{}'", graph::name(anchor_of(kernel))));
  return all;
}

namespace {

const Schedule* find_schedule(const Choice& choice) {
  const auto* const found =
      std::ranges::find(kSchedules, choice.schedule, [](const Schedule* schedule) { return schedule->name; });
  return found == std::end(kSchedules) ? nullptr : *found;
}

}  // namespace

bool is_by_workgroup(const Choice& choice) {
  const Schedule* schedule = find_schedule(choice);
  return schedule != nullptr && schedule->by_workgroup;
}

loop::Program schedule(const graph::Module& module, const graph::Function& function,
                       const loop::Target& target) {
  return Scheduler(module, target).run(function);
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
