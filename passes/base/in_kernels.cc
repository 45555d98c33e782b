#include "passes/base/in_kernels.h"

#include <fmt/format.h>

#include "ir/error.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;

bool stays_outside_kernels(const Op& op) {
  switch (op.code) {
    case OpCode::parameter:
    case OpCode::read:
    case OpCode::write:
    case OpCode::scan:
    case OpCode::barrier:
      return true;
    default:
      return op.kind() == graph::OpKind::collective;
  }
}

void check_kernels(std::string_view pass, const graph::Module& module) {
  for (const auto& function : module.functions) {
    for (const auto& op : function->ops()) {
      const bool is_there = stays_outside_kernels(*op) || op->code == OpCode::kernel ||
                            op->code == OpCode::constant || op->code == OpCode::reshape;
      if (is_there) continue;
      throw GraphError(fmt::format("{}: {} is in no kernel; group comes first{}", pass, graph::name(op->code),
                                   graph::at(op->location)));
    }
  }
}

}  // namespace sinter::passes
