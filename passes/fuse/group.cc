#include "passes/fuse/group.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "passes/base/dead_code.h"
#include "passes/fuse/consumer_side.h"
#include "passes/fuse/kernels.h"
#include "passes/fuse/producer_side.h"

namespace sinter::passes {

using graph::DType;
using graph::Op;
using graph::OpCode;
using graph::OpKind;

namespace {

bool is_check(graph::Value value) {
  return value.op->kind() == OpKind::check;
}

// What is no work of a kernel; "" where there is nothing of it in the op.
std::string refused_of(const Op& op) {
  if (op.code == OpCode::call) return "is for no kernel; inline_calls comes first";
  if (op.code == OpCode::grad) return "is for no kernel; differentiate comes first";
  if (op.kind() == OpKind::composite) return "is for no kernel; decompose comes first";
  if (op.code == OpCode::argmax) return "is for no kernel; legalize comes first";
  if (std::ranges::any_of(op.operands, is_check)) return "reads what a check passes on; guard comes first";
  for (const graph::TensorType& type : op.results) {
    if (type.dtype == DType::f16 || type.dtype == DType::bf16)
      return fmt::format("gives {}, which no kernel computes in", graph::name(type.dtype));
  }
  return "";
}

void check_ops(const graph::Function& function) {
  const auto check = [](const Op& op, const std::string& refused) {
    if (!refused.empty())
      throw GraphError(fmt::format("group: {} {}{}", graph::name(op.code), refused, graph::at(op.location)));
  };
  for (const auto& op : function.ops()) check(*op, refused_of(*op));
  for (const graph::Output& output : function.outputs)
    check(*output.value.op, is_check(output.value) ? "is returned; guard comes first" : "");
}

}  // namespace

void group(graph::Module& module, const Arguments& arguments, const loop::Target& target) {
  Arguments limits = arguments;
  const bool joins = std::erase(limits, "off") == 0;
  const loop::Target within = limited("group", limits, target, {"off", "buffers=", "iterations="});
  const Effects effects = functions_with_effects(module);
  for (const auto& function : module.functions) {
    check_ops(*function);
    remove_dead_code(*function, effects);
    Groups groups(*function);
    if (joins) {
      producer_side(groups, within);
      consumer_side(groups, within);
    } else {
      keep_apart(groups);
    }
    build_kernels(groups);
  }
}

}  // namespace sinter::passes
