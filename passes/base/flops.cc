#include "passes/base/flops.h"

namespace sinter::passes {

using graph::OpKind;

double flops(const graph::Op& op) {
  switch (op.kind()) {
    case OpKind::elementwise:
      return static_cast<double>(op.results[0].elements());
    case OpKind::reduction:
      return static_cast<double>(op.operands[0].type().elements());
    case OpKind::contraction: {
      const auto dims = graph::ContractDims::parse(op.attributes.text("dims"));
      double product = 2;
      for (size_t i = 0; i < dims.lhs.size(); ++i) product *= static_cast<double>(op.operands[0].shape()[i]);
      for (size_t i = 0; i < dims.rhs.size(); ++i) {
        if (dims.lhs.find(dims.rhs[i]) == std::string::npos)
          product *= static_cast<double>(op.operands[1].shape()[i]);
      }
      return product;
    }
    default:
      return 0;
  }
}

int64_t bytes_of(const graph::Op& op) {
  int64_t bytes = 0;
  for (const graph::Value operand : op.operands) bytes += operand.type().bytes();
  for (const graph::TensorType& type : op.results) bytes += type.bytes();
  return bytes;
}

}  // namespace sinter::passes
