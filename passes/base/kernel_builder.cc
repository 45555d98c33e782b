#include "passes/base/kernel_builder.h"

#include <fmt/format.h>

#include <algorithm>

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

KernelBuilder::KernelBuilder(graph::Anchor anchor, graph::Location location)
    : kernel_(std::make_unique<Op>()) {
  kernel_->code = OpCode::kernel;
  kernel_->attributes.set("anchor", std::string(graph::name(anchor)));
  kernel_->location = std::move(location);
  kernel_->body = std::make_unique<graph::Function>("body");
}

Value KernelBuilder::parameter(Value outside) {
  if (const Value known = find(outside)) return known;
  return map_[outside] = own_parameter(outside);
}

Value KernelBuilder::own_parameter(Value outside, std::string name) {
  if (name.empty()) name = fmt::format("p{}", operands());
  auto op = std::make_unique<Op>();
  op->code = OpCode::parameter;
  op->results = {outside.type()};
  op->attributes.set("name", std::move(name));
  op->location = outside.op->location;
  kernel_->operands.push_back(outside);
  return body().append(std::move(op)).result();
}

Op& KernelBuilder::clone(const Op& op) {
  for (Value operand : op.operands) parameter(operand);
  return graph::clone_op(op, body(), map_);
}

Value KernelBuilder::find(Value outside) const {
  const auto it = map_.find(outside);
  return it == map_.end() ? Value() : it->second;
}

void KernelBuilder::output(Value inside) {
  body().outputs.push_back({fmt::format("output{}", body().outputs.size()), inside});
  kernel_->results.push_back(inside.type());
}

std::unique_ptr<Op> KernelBuilder::finish() {
  std::ranges::stable_partition(body().ops(), [](const auto& op) { return op->code == OpCode::parameter; });
  return std::move(kernel_);
}

}  // namespace sinter::passes
