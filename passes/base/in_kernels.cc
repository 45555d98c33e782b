#include "passes/base/in_kernels.h"

#include <fmt/format.h>

#include "ir/error.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;

namespace {

// What kernels leave beside them.
bool may_stand_alone(const Op& op) {
  switch (op.code) {
    case OpCode::kernel:
    case OpCode::parameter:
    case OpCode::constant:
    case OpCode::reshape:
    case OpCode::read:
    case OpCode::write:
    case OpCode::scan:
      return true;
    default:
      return op.kind() == graph::OpKind::collective;
  }
}

}  // namespace

void check_kernels(std::string_view pass, const graph::Module& module) {
  for (const auto& function : module.functions) {
    for (const auto& op : function->ops()) {
      if (may_stand_alone(*op)) continue;
      throw GraphError(fmt::format("{}: {} is in no kernel; group comes first{}", pass, graph::name(op->code),
                                   graph::at(op->location)));
    }
  }
}

}  // namespace sinter::passes
