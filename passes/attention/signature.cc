#include "passes/attention/signature.h"

#include <algorithm>

#include "passes/attention/body.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

BackwardSignature parameters_of(const Op& kernel) {
  const auto parameters = kernel.body->parameters();
  require_attention(kernel, parameters.size() >= 7);
  const auto from_end = [&](size_t i) { return parameters.at(parameters.size() - i)->result(); };
  BackwardSignature signature;
  signature.out = from_end(4);
  signature.shift = from_end(3);
  signature.total = from_end(2);
  signature.cotangent = from_end(1);
  return signature;
}

}  // namespace

Value add_backward_parameters(KernelBuilder& kernel, Op& attention, Value cotangent) {
  kernel.own_parameter(attention.result(0), "out");
  kernel.own_parameter(attention.result(1), "shift");
  kernel.own_parameter(attention.result(2), "total");
  return kernel.own_parameter(cotangent, "d_out");
}

void write_backward_signature(Op& kernel, const std::vector<size_t>& operands) {
  const Function& body = *kernel.body;
  const AttentionBody parts = AttentionBody::of(kernel);
  const Value cotangent = parameters_of(kernel).cotangent;
  kernel.attributes.set("gradients", std::vector<int64_t>(operands.begin(), operands.end()));
  const auto say = [&](std::string_view name, Value value) {
    kernel.attributes.set(name, number_of(body, *value.op));
  };
  bool has_row_sum = false;
  for (const auto& op : body.ops()) {
    if (op->code == OpCode::contract) {
      if (op->operands[0] == cotangent && op->operands[1] == parts.v) say("kept_cotangent", op->result());
      // Of q or of k: the cotangent of the scores comes first, or last.
      if (op.get() == parts.scores || op.get() == parts.product) continue;
      if (op->operands[1] == parts.k) say("score_cotangent", op->operands[0]);
      if (op->operands[0] == parts.q) say("score_cotangent", op->operands[1]);
    }
    if (op->code == OpCode::reduce_sum && !has_row_sum) {
      const Op& product = *op->operands[0].op;
      const bool weighs = product.code == OpCode::mul &&
                          std::ranges::find(product.operands, parts.weights()) != product.operands.end();
      if (weighs && op->attributes.integers("axes") == std::vector{static_cast<int64_t>(parts.key)}) {
        say("row_sum", op->result());
        has_row_sum = true;
      }
    }
  }
}

BackwardSignature BackwardSignature::of(const Op& kernel) {
  BackwardSignature signature = parameters_of(kernel);
  require_attention(kernel, kernel.attributes.has("gradients"));
  for (const int64_t operand : kernel.attributes.integers("gradients")) {
    signature.operands.push_back(static_cast<size_t>(operand));
  }
  require_attention(kernel, signature.operands.size() == kernel.results.size());
  const auto value = [&](std::string_view name) {
    return kernel.attributes.has(name) ? const_cast<Op&>(op_at(kernel, name)).result() : Value();
  };
  signature.kept_cotangent = value("kept_cotangent");
  signature.row_sum = value("row_sum");
  signature.score_cotangent = value("score_cotangent");
  return signature;
}

}  // namespace sinter::passes
