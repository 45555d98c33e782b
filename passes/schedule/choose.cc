#include "passes/schedule/choose.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <optional>

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

// Whether kernels that are made so may stand side by side in one.
bool go_together(const Choice& a, const Choice& b) {
  const auto ours = lanes_of(a), theirs = lanes_of(b);
  if (!ours || !theirs) return true;
  return *ours == *theirs && (!fills_shared(a) || !fills_shared(b) || a == b);
}

// How much is passed over for others' sake: tiles of shared memory matter most, then what moves most.
struct PassedOver {
  double tiles = 0;  // by the work of those that take them
  int64_t bytes = 0;
  auto operator<=>(const PassedOver&) const = default;
};

double work_of(const Op& kernel) {
  double work = 1;
  for (const auto& op : kernel.body->ops()) work += flops(*op);
  return work;
}

// Of kernels side by side the best choices that go together: each takes its first that goes with one of all
// there are, with the one that leaves the best to them.
void choose_together(const std::vector<Op*>& kernels, const loop::Target& target) {
  std::vector<std::vector<Choice>> all;
  std::vector<Choice> leaders;
  double work = 0;
  for (const Op* kernel : kernels) work += work_of(*kernel);
  for (const Op* kernel : kernels) {
    // Each has its part of the machine.
    loop::Target part = target;
    const double multiprocessors = static_cast<double>(target.multiprocessors) * work_of(*kernel) / work;
    part.multiprocessors = std::max<int64_t>(1, std::llround(multiprocessors));
    const bool is_chosen = kernel->attributes.has("choice");
    all.push_back(is_chosen ? std::vector{parse_choice(kernel->attributes.text("choice"), kernel->location)}
                            : choices(*kernel, part));
    for (const Choice& choice : all.back()) {
      if (is_by_workgroup(choice) && std::ranges::find(leaders, choice) == leaders.end())
        leaders.push_back(choice);
    }
  }
  // Only one that fills shared memory tells those that do so apart.
  if (std::ranges::any_of(leaders, fills_shared))
    std::erase_if(leaders, [](const Choice& leader) { return !fills_shared(leader); });
  std::vector<size_t> best(all.size());
  std::optional<PassedOver> least;
  for (const Choice& leader : leaders) {
    std::vector<size_t> picked;
    PassedOver passed_over;
    for (const auto& own : all) {
      const auto first = std::ranges::find_if(own, [&](const Choice& c) { return go_together(c, leader); });
      if (first == own.end()) break;
      const auto rank = first - own.begin();
      const Op& kernel = *kernels[picked.size()];
      if (fills_shared(own.front())) {
        passed_over.tiles += static_cast<double>(rank) * work_of(kernel);
      } else {
        passed_over.bytes += rank * bytes_of(kernel);
      }
      picked.push_back(static_cast<size_t>(rank));
    }
    if (picked.size() < all.size() || (least && passed_over >= *least)) continue;
    least = passed_over;
    best = std::move(picked);
  }
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
