#include "passes/base/costs.h"

#include <algorithm>

namespace sinter::passes {

using graph::OpCode;

bool is_random(OpCode code) {
  return code == OpCode::random_bits || code == OpCode::random_uniform || code == OpCode::random_normal;
}

bool reads_call(const graph::Op& kernel) {
  return std::ranges::any_of(kernel.body->ops(), [](const auto& op) {
    return is_random(op->code) || (op->body != nullptr && reads_call(*op));
  });
}

bool has_checks(const graph::Function& body) {
  return std::ranges::any_of(body.ops(), [](const auto& op) { return op->kind() == graph::OpKind::check; });
}

int cost(const graph::Op& op) {
  return graph::info(op.code).cost;
}

bool is_polynomial(const graph::Op& op) {
  return op.kind() == graph::OpKind::elementwise && cost(op) >= kPolynomial;
}

bool is_expensive(const graph::Op& op) {
  return op.code == OpCode::fold || (op.kind() == graph::OpKind::elementwise && cost(op) > 1);
}

bool is_table(const graph::Op& op) {
  return op.code == OpCode::constant && op.attributes.has("values");
}

int64_t weight(const graph::Op& op) {
  if (op.code == OpCode::fold) return 4 * op.operands[0].shape().back();
  if (op.code == OpCode::concat) return static_cast<int64_t>(op.operands.size());
  return is_polynomial(op) ? 8 : 1;
}

}  // namespace sinter::passes
