#include "passes/costs.h"

namespace sinter::passes {

using graph::OpCode;

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

}  // namespace sinter::passes
