#include "passes/schedule/choose.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <ranges>

#include "ir/graph/anchor.h"
#include "passes/base/flops.h"
#include "passes/schedule/schedule.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;

namespace {

std::optional<int64_t> lanes_of(const Choice& choice) {
  if (!is_by_workgroup(choice)) return std::nullopt;
  for (const auto& [name, numbers] : choice.numbers) {
    if (name == "lanes") return numbers.front();
  }
  return std::nullopt;
}

// Whether workgroups of kernels that are made so have as many lanes.
bool go_together(const Choice& a, const Choice& b) {
  const auto ours = lanes_of(a), theirs = lanes_of(b);
  return !ours || !theirs || *ours == *theirs;
}

double work_of(const Op& kernel) {
  double work = 1;
  for (const auto& op : kernel.body->ops()) work += flops(*op);
  return work;
}

// What kernels side by side may be, each with its part of the machine.
std::vector<std::vector<Choice>> choices_of_each(const std::vector<Op*>& kernels,
                                                 const loop::Target& target) {
  std::vector<std::vector<Choice>> all;
  double work = 0;
  for (const Op* kernel : kernels) work += work_of(*kernel);
  for (const Op* kernel : kernels) {
    loop::Target part = target;
    const double multiprocessors = static_cast<double>(target.multiprocessors) * work_of(*kernel) / work;
    part.multiprocessors = std::max<int64_t>(1, std::llround(multiprocessors));
    const bool is_chosen = kernel->attributes.has("choice");
    all.push_back(is_chosen ? std::vector{parse_choice(kernel->attributes.text("choice"), kernel->location)}
                            : choices(*kernel, part));
  }
  return all;
}

// Of each the first that goes with one of all there are: with the one for which least is passed over, by what
// kernels move.
std::vector<size_t> best_together(const std::vector<Op*>& kernels,
                                  const std::vector<std::vector<Choice>>& all) {
  std::vector<size_t> best(all.size());
  int64_t least = INT64_MAX;
  for (const Choice& leader : all | std::views::join) {
    if (!is_by_workgroup(leader)) continue;
    std::vector<size_t> picked;
    int64_t passed_over = 0;
    for (const auto& own : all) {
      const auto first = std::ranges::find_if(own, [&](const Choice& c) { return go_together(c, leader); });
      if (first == own.end()) break;
      const auto rank = first - own.begin();
      passed_over += rank * bytes_of(*kernels[picked.size()]);
      picked.push_back(static_cast<size_t>(rank));
    }
    if (picked.size() < all.size() || passed_over >= least) continue;
    least = passed_over;
    best = std::move(picked);
  }
  return best;
}

void choose_together(const std::vector<Op*>& kernels, const loop::Target& target) {
  const auto all = choices_of_each(kernels, target);
  const std::vector<size_t> best =
      target.dispatches_parts() ? std::vector<size_t>(all.size()) : best_together(kernels, all);
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (!kernels[i]->attributes.has("choice")) kernels[i]->attributes.set("choice", print(all[i][best[i]]));
  }
}

}  // namespace

void choose(graph::Function& function, const loop::Target& target) {
  for (const auto& op : function.ops()) {
    if (op->code == OpCode::kernel) choose(*op, target);
  }
}

void choose(Op& kernel, const loop::Target& target) {
  if (is_kernel(kernel, graph::Anchor::together)) {
    std::vector<Op*> parts;
    for (const auto& part : kernel.body->ops()) {
      if (part->code == OpCode::kernel) parts.push_back(part.get());
    }
    choose_together(parts, target);
  } else if (!kernel.attributes.has("choice")) {
    kernel.attributes.set("choice", print(choices(kernel, target).front()));
  }
}

}  // namespace sinter::passes
