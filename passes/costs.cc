#include "passes/costs.h"

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

bool is_transcendental(OpCode code) {
  switch (code) {
    case OpCode::exp:
    case OpCode::expm1:
    case OpCode::log:
    case OpCode::log1p:
    case OpCode::sin:
    case OpCode::cos:
    case OpCode::tanh:
    case OpCode::erf:
    case OpCode::pow:
      return true;
    default:
      return false;
  }
}

bool is_table(const graph::Op& op) {
  return op.code == OpCode::constant && op.attributes.has("values");
}

int64_t weight(const graph::Op& op) {
  if (op.code == OpCode::fold) return 4 * op.operands[0].shape().back();
  if (op.code == OpCode::concat) return static_cast<int64_t>(op.operands.size());
  return is_transcendental(op.code) ? 8 : 1;
}

}  // namespace sinter::passes
