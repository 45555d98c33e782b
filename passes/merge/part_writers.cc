#include "passes/merge/part_writers.h"

#include <memory>
#include <unordered_set>

#include "passes/base/costs.h"
#include "passes/base/kernel_builder.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// A kernel that makes some of another's results.
std::unique_ptr<Op> with_results(const Op& kernel, const std::vector<size_t>& some) {
  const auto& ops = kernel.body->ops();
  std::unordered_set<const Op*> needed;
  for (const size_t i : some) needed.insert(kernel.body->outputs[i].value.op);
  for (auto op = ops.rbegin(); op != ops.rend(); ++op) {
    if (!needed.contains(op->get())) continue;
    for (Value operand : (*op)->operands) needed.insert(operand.op);
  }
  KernelBuilder builder(anchor_of(kernel), kernel.location);
  const auto parameters = kernel.body->parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (needed.contains(parameters[i]))
      builder.bind(parameters[i]->result(), builder.parameter(kernel.operands[i]));
  }
  for (const auto& op : ops) {
    if (needed.contains(op.get()) && op->code != OpCode::parameter) builder.clone(*op);
  }
  for (const size_t i : some) builder.output(builder.find(kernel.body->outputs[i].value));
  return builder.finish();
}

}  // namespace

void part_writers(graph::Function& function) {
  graph::ValueMap<bool> written, read;
  for (const auto& op : function.ops()) {
    for (Value operand : op->operands) (op->code == OpCode::write ? written : read)[operand] = true;
  }
  for (const graph::Output& output : function.outputs) read[output.value] = true;
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (!is_kernel(op, Anchor::map) || op.results.size() < 2 || has_checks(*op.body)) return std::nullopt;
    std::vector<size_t> of_readers, of_writers;
    for (size_t i = 0; i < op.results.size(); ++i) {
      if (op.results[i].elements() != 1) return std::nullopt;
      const Value result = op.result(static_cast<int>(i));
      (written.contains(result) && !read.contains(result) ? of_writers : of_readers).push_back(i);
    }
    if (of_readers.empty() || of_writers.empty()) return std::nullopt;
    std::vector<Value> results(op.results.size());
    for (const auto& some : {of_readers, of_writers}) {
      Op& part = function.append(with_results(op, some));
      for (size_t i = 0; i < some.size(); ++i) results[some[i]] = part.result(static_cast<int>(i));
    }
    return results;
  });
}

}  // namespace sinter::passes
