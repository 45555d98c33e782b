#include "ir/loop/scalar_op.h"

namespace sinter::loop {

std::optional<ScalarOp> scalar_op(graph::OpCode code) {
  using graph::OpCode;
  switch (code) {
#define SINTER_ELEMENTWISE(name, ...) \
  case OpCode::name:                  \
    return ScalarOp::name;
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
    case OpCode::select:
      return ScalarOp::select;
    default:
      return std::nullopt;
  }
}

}  // namespace sinter::loop
