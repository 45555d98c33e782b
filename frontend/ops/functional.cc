#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/losses.h>
#include <sinter/nn/windows.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>

#include "frontend/ops/composite.h"
#include "frontend/ops/flat_places.h"
#include "frontend/trace/emit.h"

namespace sinter {
namespace {

// Each composite of the table has a function of its name, in a public header but for flat_places.
namespace functions {
#define SINTER_COMPOSITE(name, ...) using sinter::name;
#include "ir/graph/composites.def"
#undef SINTER_COMPOSITE
}  // namespace functions

Tensor composite(OpCode code, const std::vector<Operand>& operands,
                 const graph::Attributes& attributes = {}) {
  return build(name(code), operands,
               [&](Builder& b, const Values& v) { return b.emit(code, v, attributes).result(); });
}

Tensor along_axis(OpCode code, const Operand& x, int64_t axis) {
  return composite(code, {x}, {{"axis", checked_axis(name(code), axis, x.tensor().rank(), x)}});
}

}  // namespace

Tensor composite(std::string_view name, const std::vector<Operand>& operands,
                 const std::vector<std::pair<std::string_view, double>>& numbers) {
  const auto code = graph::opcode_from_name(name);
  const std::source_location& where = operands.front().where();
  if (!code) Trace::current(name, where).fail(name, "no op has this name", where);
  graph::Attributes attributes;
  for (const auto& [key, value] : numbers) {
    ranges_at(name, where).finite(key, value);
    attributes.set(key, value);
  }
  return composite(*code, operands, attributes);
}

Tensor softmax(Operand x, int64_t axis) {
  return along_axis(OpCode::softmax, x, axis);
}
Tensor log_softmax(Operand x, int64_t axis) {
  return along_axis(OpCode::log_softmax, x, axis);
}

Tensor relu(Operand x) {
  return composite("relu", {x});
}
Tensor sigmoid(Operand x) {
  return composite("sigmoid", {x});
}
Tensor silu(Operand x) {
  return composite("silu", {x});
}
Tensor leaky_relu(Operand x) {
  return leaky_relu(x, 0.01);
}
Tensor leaky_relu(Operand x, double slope) {
  return composite("leaky_relu", {x}, {{"slope", slope}});
}
Tensor elu(Operand x) {
  return elu(x, 1);
}
Tensor elu(Operand x, double alpha) {
  return composite("elu", {x}, {{"alpha", alpha}});
}
Tensor softplus(Operand x) {
  return composite("softplus", {x});
}
Tensor gelu(Operand x) {
  return gelu(x, Gelu::exact);
}
Tensor gelu(Operand x, Gelu form) {
  return composite(OpCode::gelu, {x}, {{"tanh", form == Gelu::tanh}});
}

Tensor layer_norm(Operand x, const Tensor& scale, const Tensor& bias, double epsilon) {
  ranges_at("layer_norm", x.where()).not_negative("epsilon", epsilon);
  std::vector<Operand> operands{x};
  if (bias.defined() && !scale.defined()) {
    Trace::current("layer_norm", x.where()).fail("layer_norm", "a bias needs a scale", x.where());
  }
  if (scale.defined()) operands.emplace_back(scale, x.where());
  if (bias.defined()) operands.emplace_back(bias, x.where());
  return composite(OpCode::layer_norm, operands, {{"epsilon", epsilon}});
}

Tensor rms_norm(Operand x, const Tensor& scale, double epsilon) {
  ranges_at("rms_norm", x.where()).not_negative("epsilon", epsilon);
  std::vector<Operand> operands{x};
  if (scale.defined()) operands.emplace_back(scale, x.where());
  return composite(OpCode::rms_norm, operands, {{"epsilon", epsilon}});
}

bool is_training() {
  const Trace* trace = Trace::active();
  return trace != nullptr && trace->training();
}

Tensor dropout(Operand x, double rate) {
  Trace& trace = Trace::current("dropout", x.where());
  ranges_at("dropout", x.where()).fraction("rate", rate);
  if (!trace.training() || rate == 0) return x.tensor();
  const graph::Value salt = trace.salt();
  const graph::Attributes attributes{{"rate", rate}, {"key", trace.random_key()}};
  return build("dropout", {x}, [&](Builder& b, Values operands) {
    if (salt) operands.push_back(salt);
    return b.emit(OpCode::dropout, operands, attributes).result();
  });
}

}  // namespace sinter
