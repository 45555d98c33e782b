#pragma once

#include "ir/graph/composites/window.h"
#include "passes/differentiate/vjp.h"

// The composites whose gradient is better said by hand than by their definition. Every other composite is
// replaced by its definition on the way to a gradient, and needs no row.
namespace sinter::passes {

inline graph::Value mean_of_rows(const Vjp& v, graph::Value x) {
  const graph::Value sum = v.b.reduce_sum(x, {x.rank() - 1}, true);
  return v.b.div(sum, v.b.scalar_like(static_cast<double>(x.shape().back()), sum));
}

// A dead row has y = 0, hence gradient 0.
inline graph::Value softmax_vjp(const Vjp& v, size_t) {
  const graph::Value weighted = v.b.mul(v.g, v.y());
  const graph::Value sum = v.b.reduce_sum(weighted, {v.op.attributes.integer("axis")}, true);
  return v.b.mul(v.y(), v.b.sub(v.g, sum));
}

inline graph::Value log_softmax_vjp(const Vjp& v, size_t) {
  const graph::Value sum = v.b.reduce_sum(v.g, {v.op.attributes.integer("axis")}, true);
  return v.b.sub(v.g, v.b.mul(v.b.exp(v.y()), sum));
}

// With n the normalised row, r what it was multiplied by, and h = g * scale:
// dx = r * (h - mean(h) - n * mean(h * n)), the term mean(h) only where rows were centred.
inline std::vector<graph::Value> norm_vjp(const Vjp& v, bool centre) {
  graph::Builder& b = v.b;
  const graph::Value centred = centre ? b.sub(v.x(), mean_of_rows(v, v.x())) : v.x();
  const graph::Value variance = mean_of_rows(v, b.mul(centred, centred));
  const graph::Value r = b.rsqrt(b.add(variance, v.number(v.op.attributes.number("epsilon"))));
  const graph::Value n = b.mul(centred, r);
  std::vector<graph::Value> result(v.op.operands.size());
  if (v.wanted[0]) {
    const graph::Value h = v.op.operands.size() > 1 ? b.mul(v.g, v.x(1)) : v.g;
    const graph::Value along = b.mul(n, mean_of_rows(v, b.mul(h, n)));
    const graph::Value across = centre ? b.sub(h, mean_of_rows(v, h)) : h;
    result[0] = b.mul(r, b.sub(across, along));
  }
  if (result.size() > 1 && v.wanted[1]) result[1] = b.mul(v.g, n);
  if (result.size() > 2) result[2] = v.g;
  return result;
}

inline graph::Value sigmoid_vjp(const Vjp& v, size_t) {
  return v.b.mul(v.g, v.b.mul(v.y(), v.b.sub(v.number(1), v.y())));
}

inline graph::Value softplus_vjp(const Vjp& v, size_t) {
  return v.b.mul(v.g, v.b.emit(graph::OpCode::sigmoid, {v.x()}).result());
}

inline graph::Value square_of(const Vjp& v) {
  return v.b.mul(v.x(), v.x());
}
inline graph::Value by_root(const Vjp& v, graph::Value square) {
  return v.b.mul(v.g, v.b.rsqrt(square));
}
inline graph::Value of_composite(const Vjp& v, graph::OpCode code) {
  return v.b.mul(v.g, v.b.emit(code, {v.x()}).result());
}
inline graph::Value sinh_vjp(const Vjp& v, size_t) {
  return of_composite(v, graph::OpCode::cosh);
}
inline graph::Value cosh_vjp(const Vjp& v, size_t) {
  return of_composite(v, graph::OpCode::sinh);
}
// 1 - x^2: factors of a difference of squares cancel nothing.
inline graph::Value one_minus_square(const Vjp& v) {
  const graph::Value one = v.number(1);
  const graph::Value below = v.b.sub(one, v.x()), above = v.b.add(one, v.x());
  return v.b.mul(below, above);
}
inline graph::Value asin_vjp(const Vjp& v, size_t) {
  return by_root(v, one_minus_square(v));
}
inline graph::Value acos_vjp(const Vjp& v, size_t i) {
  return v.b.neg(asin_vjp(v, i));
}
inline graph::Value atan_vjp(const Vjp& v, size_t) {
  return v.b.div(v.g, v.b.add(square_of(v), v.number(1)));
}
inline graph::Value asinh_vjp(const Vjp& v, size_t) {
  return by_root(v, v.b.add(square_of(v), v.number(1)));
}
inline graph::Value acosh_vjp(const Vjp& v, size_t) {
  const graph::Value one = v.number(1);
  const graph::Value below = v.b.sub(v.x(), one), above = v.b.add(v.x(), one);
  return by_root(v, v.b.mul(below, above));
}
inline graph::Value atanh_vjp(const Vjp& v, size_t) {
  return v.b.div(v.g, one_minus_square(v));
}

inline graph::Value binary_cross_entropy_vjp(const Vjp& v, size_t i) {
  if (i == 1) return v.b.mul(v.g, v.b.neg(v.x()));
  const graph::Value probability = v.b.emit(graph::OpCode::sigmoid, {v.x()}).result();
  return v.b.mul(v.g, v.b.sub(probability, v.x(1)));
}

inline graph::Value variance_vjp(const Vjp& v, size_t) {
  const auto& axes = v.op.attributes.integers("axes");
  double count = 1;
  for (int64_t axis : axes) count *= static_cast<double>(v.x().shape()[static_cast<size_t>(axis)]);
  const graph::Value sum = v.b.reduce_sum(v.x(), axes, true);
  const graph::Value centred = v.b.sub(v.x(), v.b.div(sum, v.number(count)));
  const graph::Value slope = v.scaled(2 / count, centred);
  return v.b.mul(v.b.expand_dims(v.g, axes), slope);
}

// Linear, its own transpose, and the same mask by the same key.
inline graph::Value dropout_vjp(const Vjp& v, size_t) {
  std::vector<graph::Value> operands = v.op.operands;  // and the salt, where there is one
  operands[0] = v.g;
  return v.b.emit(graph::OpCode::dropout, operands, v.op.attributes).result();
}

// Windows that move on by one element, over all channels, and never lie beyond the padding.
inline bool is_dense_convolution(const graph::Op& op) {
  const auto& stride = op.attributes.integers("stride");
  const auto& padding = op.attributes.integers("padding");
  const auto& dilation = op.attributes.integers("dilation");
  const graph::Shape& kernel = op.operands[1].shape();
  for (size_t i = 0; i < stride.size(); ++i) {
    if (stride[i] != 1 || padding[i] > dilation[i] * (kernel[i + 2] - 1)) return false;
  }
  return op.attributes.integer("groups") == 1;
}

// The gradient for x is a convolution too, of g with the kernel turned round: the definition's would lay
// every product of g and the kernel out in memory, to be folded.
inline std::vector<graph::Value> dense_convolution_vjp(const Vjp& v) {
  graph::Builder& b = v.b;
  const graph::Value kernel = v.x(1);
  const auto& padding = v.op.attributes.integers("padding");
  const auto& dilation = v.op.attributes.integers("dilation");
  const size_t spatial = padding.size();
  std::vector<graph::Value> result(v.op.operands.size());
  if (v.wanted[0]) {
    std::vector<int64_t> axes, around;
    for (size_t i = 0; i < spatial; ++i) {
      axes.push_back(static_cast<int64_t>(i) + 2);
      around.push_back(dilation[i] * (kernel.shape()[i + 2] - 1) - padding[i]);
    }
    graph::Attributes attributes = v.op.attributes;
    attributes.set("padding", around);
    const graph::Value turned = b.swap_axes(b.reverse(kernel, axes), 0, 1);
    result[0] = b.emit(graph::OpCode::convolution, {v.g, turned}, attributes).result();
  }
  if (v.wanted[1]) {
    const std::vector<int64_t> size(kernel.shape().begin() + graph::kFirstSpatial, kernel.shape().end());
    const graph::Value windows = graph::spatial_windows(b, graph::spatial_pad(b, v.x(), padding), size,
                                                        v.op.attributes.integers("stride"), dilation);
    const std::string numbers(graph::kWindowNumbers.substr(0, spatial));
    const std::string places(graph::kWindowPlaces.substr(0, spatial));
    result[1] = b.contract(v.g, windows, "no" + numbers + ",nc" + numbers + places + "->oc" + places);
  }
  if (result.size() > 2 && v.wanted[2]) {
    std::vector<int64_t> axes{0};
    for (size_t i = 0; i < spatial; ++i) axes.push_back(static_cast<int64_t>(i) + 2);
    result[2] = b.reduce_sum(v.g, axes);
  }
  return result;
}

inline constexpr VjpRule kCompositeRules[] = {
    per_operand(graph::OpCode::softmax, softmax_vjp),
    per_operand(graph::OpCode::log_softmax, log_softmax_vjp),
    whole(graph::OpCode::layer_norm, [](const Vjp& v) { return norm_vjp(v, true); }),
    whole(graph::OpCode::rms_norm, [](const Vjp& v) { return norm_vjp(v, false); }),
    per_operand(graph::OpCode::sigmoid, sigmoid_vjp),
    per_operand(graph::OpCode::softplus, softplus_vjp),
    per_operand(graph::OpCode::sinh, sinh_vjp),
    per_operand(graph::OpCode::cosh, cosh_vjp),
    per_operand(graph::OpCode::asin, asin_vjp),
    per_operand(graph::OpCode::acos, acos_vjp),
    per_operand(graph::OpCode::atan, atan_vjp),
    per_operand(graph::OpCode::asinh, asinh_vjp),
    per_operand(graph::OpCode::acosh, acosh_vjp),
    per_operand(graph::OpCode::atanh, atanh_vjp),
    per_operand(graph::OpCode::binary_cross_entropy, binary_cross_entropy_vjp),
    per_operand(graph::OpCode::variance, variance_vjp),
    whole_where(graph::OpCode::convolution, is_dense_convolution, dense_convolution_vjp),
    per_operand(graph::OpCode::dropout, dropout_vjp),
    zero(graph::OpCode::flat_places),
};

}  // namespace sinter::passes
