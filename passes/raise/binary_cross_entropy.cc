#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"
#include "passes/raise/raise.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// What the loss compares x with, in softplus(x) - t * x.
std::optional<Value> targets_of(const Op& op) {
  if (op.code != OpCode::sub) return std::nullopt;
  const Op &softplus = *op.operands[0].op, &product = *op.operands[1].op;
  if (softplus.code != OpCode::softplus || product.code != OpCode::mul) return std::nullopt;
  const Value x = softplus.operands[0];
  if (product.operands[0] == x) return product.operands[1];
  if (product.operands[1] == x) return product.operands[0];
  return std::nullopt;
}

}  // namespace

void raise_binary_cross_entropy(graph::Module& module, graph::Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    const auto targets = targets_of(op);
    if (!targets) return std::nullopt;
    graph::Builder builder(module, function);
    builder.set_location(op.location);
    const Value x = op.operands[0].op->operands[0];
    return std::vector{builder.emit(OpCode::binary_cross_entropy, {x, *targets}).result()};
  });
}

}  // namespace sinter::passes
