#include "passes/base/in_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "ir/graph/anchor.h"

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

namespace {

// Attention that group has not seen is a kernel whose ops are in none.
bool is_ungrouped_attention(const Op& op) {
  return graph::attends(op) && std::ranges::none_of(op.body->ops(), [](const auto& inner) {
           return inner->code == OpCode::kernel;
         });
}

}  // namespace

void check_kernels(std::string_view pass, const graph::Module& module) {
  for (const auto& function : module.functions) {
    for (const auto& op : function->ops()) {
      const bool is_there = stays_outside_kernels(*op) || op->code == OpCode::constant ||
                            op->code == OpCode::reshape ||
                            (op->code == OpCode::kernel && !is_ungrouped_attention(*op));
      if (is_there) continue;
      throw GraphError(fmt::format("{}: {} is in no kernel; group comes first{}", pass,
                                   op->code == OpCode::kernel ? "attention" : graph::name(op->code),
                                   graph::at(op->location)));
    }
  }
}

}  // namespace sinter::passes
