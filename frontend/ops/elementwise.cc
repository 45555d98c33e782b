#include <sinter/elementwise.h>

#include "frontend/trace/emit.h"

namespace sinter {

// What an op of one operand computes has the op's name; the header declares those that have no operator.
#define SINTER_ARITY_1(op)                     \
  Tensor op(Operand x) {                       \
    return build_elementwise(OpCode::op, {x}); \
  }
#define SINTER_ARITY_2(op)
#define SINTER_ELEMENTWISE(name, arity, ...) SINTER_ARITY_##arity(name)
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
#undef SINTER_ARITY_2
#undef SINTER_ARITY_1

Tensor square(Operand x) {
  return build_elementwise(OpCode::mul, {x, x});
}
Tensor pow(Operand base, Operand exponent) {
  return build_elementwise(OpCode::pow, {base, exponent});
}
Tensor maximum(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::max, {lhs, rhs});
}
Tensor minimum(Operand lhs, Operand rhs) {
  return build_elementwise(OpCode::min, {lhs, rhs});
}
Tensor clamp(Operand x, Operand low, Operand high) {
  return build_alike("clamp", {x, low, high},
                     [](Builder& b, const Values& v) { return b.min(b.max(v[0], v[1]), v[2]); });
}

Tensor where(Operand condition, Operand if_true, Operand if_false) {
  const std::source_location place = condition.where();
  Trace& trace = Trace::current("where", place);
  return built(trace, "where", [&] {
    const graph::Value chosen = resolve(trace, "where", condition, place);
    const Values values = resolve_alike(trace, "where", {if_true, if_false}, place);
    return trace.wrap(trace.builder(place).select(chosen, values[0], values[1]));
  });
}

Tensor cast(Operand x, DType type) {
  return build("cast", {x}, [&](Builder& b, const Values& v) { return b.cast(v[0], to_graph(type)); });
}

}  // namespace sinter
