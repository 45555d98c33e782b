#include "passes/expand_math/functions.h"

namespace sinter::passes::math {

Expr rsqrt(const Expr& x) {
  return f32(1) / loop::apply(loop::ScalarOp::sqrt, {x});
}

}  // namespace sinter::passes::math
