#include "backends/reference/frame.h"

#include <fmt/format.h>

#include <algorithm>

namespace sinter::reference {
namespace {

using graph::Op;
using graph::OpCode;
using graph::OpKind;

bool passes_through(const Op& op) {
  if (op.operands.size() != 1) return false;
  return op.kind() == OpKind::view || op.kind() == OpKind::check || op.code == OpCode::cast ||
         op.code == OpCode::stop_gradient;
}

}  // namespace

std::string origin(graph::Value value, const Frame& frame) {
  const Op& op = *value.op;
  if (passes_through(op)) return origin(op.operands[0], frame);
  if (op.code == OpCode::barrier) return origin(op.operands[static_cast<size_t>(value.index)], frame);
  if (op.code == OpCode::read) return op.attributes.text("state");
  if (op.code != OpCode::parameter) return fmt::format("result of {}", graph::name(op.code));
  if (frame.caller == nullptr) return graph::Function::parameter_name(op);
  const auto parameters = frame.function.parameters();
  const auto place = std::find(parameters.begin(), parameters.end(), &op) - parameters.begin();
  return origin(frame.caller->operands[static_cast<size_t>(place)], *frame.outer);
}

}  // namespace sinter::reference
