#include "passes/fuse/split_gradients.h"

#include <algorithm>

#include "ir/graph/anchor.h"
#include "passes/attention/axes.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::Op;
using graph::Value;

namespace {

constexpr int64_t kQueries = 0;           // the operand
constexpr int64_t kLittleWork = 1 << 18;  // scores

bool pays(const Op& op, int64_t threads) {
  constexpr int64_t kProductsTogether = 5, kProductsApart = 7;
  if (!graph::is_kernel(op, graph::Anchor::attention_backward)) return false;
  const std::vector<int64_t> gradients = op.attributes.integers("gradients");
  const auto is_plain = [](int64_t operand) { return operand <= 2; };
  if (gradients.size() < 2 || gradients[0] != kQueries || !std::ranges::all_of(gradients, is_plain))
    return false;
  const AttentionAxes axes(op);
  if (graph::element_count(axes.domain()) < kLittleWork) return false;
  const int64_t heads = axes.units(axes.common({gradients.begin(), gradients.end()}));
  return heads * kProductsApart < threads * kProductsTogether;
}

// The kernel with some of its results.
Op& with_results(graph::Function& function, const Op& op, size_t begin, size_t end) {
  graph::ValueMap<Value> map;
  for (Value operand : op.operands) map[operand] = operand;
  Op& copy = graph::clone_op(op, function, map);
  const auto keep = [&](auto& list) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(end), list.end());
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(begin));
  };
  std::vector<int64_t> gradients = op.attributes.integers("gradients");
  keep(gradients);
  keep(copy.results);
  keep(copy.body->outputs);
  copy.attributes.set("gradients", gradients);
  return copy;
}

}  // namespace

void split_gradients(graph::Function& function, const loop::Target& target) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (!pays(op, target.threads)) return std::nullopt;
    std::vector<Value> results = {with_results(function, op, 0, 1).result()};
    Op& others = with_results(function, op, 1, op.results.size());
    for (size_t i = 0; i < others.results.size(); ++i) results.push_back(others.result(static_cast<int>(i)));
    return results;
  });
}

}  // namespace sinter::passes
