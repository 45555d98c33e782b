#include "ir/graph/composites/composites.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "ir/error.h"

// A definition must be right in its gradient too, as the rules of its primitives give it: where one side of a
// select is not taken, the other's argument is made safe first, since a gradient of zero times an infinite
// derivative is NaN; and no definition stands on the derivative of `abs` or `max` at a tie. Of the arguments
// of one call at most one emits ops, since compilers evaluate arguments in different orders.
namespace sinter::graph {
namespace composites {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<int64_t> last_axis(Value x) {
  return {x.rank() - 1};
}

std::vector<int64_t> every_axis(Value x) {
  std::vector<int64_t> axes(x.shape().size());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

Value mean_over(Builder& b, Value x, const std::vector<int64_t>& axes, bool keep) {
  double count = 1;
  for (int64_t axis : axes) count *= static_cast<double>(x.shape()[static_cast<size_t>(axis)]);
  const Value sum = b.reduce_sum(x, axes, keep);
  return b.div(sum, b.scalar_like(count, sum));
}

Value square(Builder& b, Value x) {
  return b.mul(x, x);
}

// The row's maximum is the shift; 0 where it is -inf, so that nothing there becomes -inf - -inf.
struct Shifted {
  Value alive;  // the row's maximum is not -inf; NaN is alive
  Value shifted;
};

Shifted shift_by_maximum(Builder& b, Value x, int64_t axis) {
  const Value maximum = b.stop_gradient(b.reduce_max(x, {axis}, true));
  const Value alive = b.not_equal(maximum, b.scalar_like(-kInfinity, x));
  const Value shift = b.select(alive, maximum, b.scalar_like(0, x));
  return {alive, b.sub(x, shift)};
}

// The sum of a row of exponentials; 1 for a dead row, whose exponentials are all 0.
Value safe_row_sum(Builder& b, Value exponentials, Value alive, int64_t axis) {
  const Value sum = b.reduce_sum(exponentials, {axis}, true);
  return b.select(alive, sum, b.scalar_like(1, exponentials));
}

}  // namespace

Value softmax(const Composite& c) {
  const int64_t axis = c.attributes.integer("axis");
  const auto [alive, shifted] = shift_by_maximum(c.b, c.x(), axis);
  const Value exponentials = c.b.exp(shifted);
  return c.b.div(exponentials, safe_row_sum(c.b, exponentials, alive, axis));
}

// -inf throughout a dead row, the logarithm of the softmax's zeros.
Value log_softmax(const Composite& c) {
  const int64_t axis = c.attributes.integer("axis");
  const auto [alive, shifted] = shift_by_maximum(c.b, c.x(), axis);
  return c.b.sub(shifted, c.b.log(safe_row_sum(c.b, c.b.exp(shifted), alive, axis)));
}

// Picks the label's logarithm by comparing with an iota, not by gather, so that it fuses with the softmax.
Value cross_entropy(const Composite& c) {
  Builder& b = c.b;
  const Value logits = c.x();
  const int64_t axis = logits.rank() - 1;
  Attributes check{{"bound", logits.shape().back()}, {"op", std::string(name(c.code))}};
  std::optional<int64_t> ignore;
  if (c.attributes.has("ignore_index")) {
    ignore = c.attributes.integer("ignore_index");
    check.set("ignore", *ignore);
  }
  const Value labels = b.emit(OpCode::check_index, {c.operands[1]}, std::move(check)).result();

  const Value classes = b.iota({labels.dtype(), logits.shape()}, axis);
  Value hit = b.equal(b.expand_dims(labels, {axis}), classes);
  Value counts;
  if (ignore) {
    counts = b.not_equal(labels, b.constant_int(*ignore, labels.dtype()));
    hit = b.logical_and(hit, b.expand_dims(counts, {axis}));
  }
  const Value surprise = b.neg(b.emit(OpCode::log_softmax, {logits}, {{"axis", axis}}).result());
  const Value zero = b.scalar_like(0, logits), one = b.scalar_like(1, logits);
  Value picked = b.reduce_sum(b.select(hit, surprise, zero), {axis});
  const std::vector<int64_t> all = every_axis(labels);
  Value total;
  if (c.operands.size() == 3) {
    const Value weights = b.reduce_sum(b.select(hit, c.operands[2], zero), {axis});
    picked = b.mul(picked, weights);
    total = b.reduce_sum(weights, all);
  } else if (ignore) {
    total = b.reduce_sum(b.cast(counts, logits.dtype()), all);
  } else {
    total = b.scalar_like(static_cast<double>(std::max<int64_t>(labels.type().elements(), 1)), logits);
  }
  if (ignore || c.operands.size() == 3) total = b.select(b.equal(total, zero), one, total);
  return b.div(b.reduce_sum(picked, all), total);
}

Value layer_norm(const Composite& c) {
  Builder& b = c.b;
  const Value x = c.x();
  const Value centred = b.sub(x, mean_over(b, x, last_axis(x), true));
  const Value variance = mean_over(b, square(b, centred), last_axis(x), true);
  Value y = b.mul(centred, b.rsqrt(b.add(variance, b.scalar_like(c.attributes.number("epsilon"), x))));
  if (c.operands.size() > 1) y = b.mul(y, c.operands[1]);
  if (c.operands.size() > 2) y = b.add(y, c.operands[2]);
  return y;
}

Value rms_norm(const Composite& c) {
  Builder& b = c.b;
  const Value x = c.x();
  const Value mean_square = mean_over(b, square(b, x), last_axis(x), true);
  const Value y = b.mul(x, b.rsqrt(b.add(mean_square, b.scalar_like(c.attributes.number("epsilon"), x))));
  return c.operands.size() > 1 ? b.mul(y, c.operands[1]) : y;
}

// 1 / (1 + exp(-x)) for x >= 0, exp(x) / (1 + exp(x)) below: exp never overflows.
Value sigmoid(const Composite& c) {
  Builder& b = c.b;
  const Value negative = b.less(c.x(), b.scalar_like(0, c.x()));
  const Value e = b.exp(b.select(negative, c.x(), b.neg(c.x())));
  const Value one = b.scalar_like(1, c.x());
  const Value numerator = b.select(negative, e, one);
  return b.div(numerator, b.add(one, e));
}

Value silu(const Composite& c) {
  return c.b.mul(c.x(), c.b.emit(OpCode::sigmoid, {c.x()}).result());
}

Value gelu(const Composite& c) {
  Builder& b = c.b;
  const Value x = c.x();
  const auto scalar = [&](double value) { return b.scalar_like(value, x); };
  Value bend;
  if (c.attributes.flag("tanh")) {
    const Value cube = b.mul(x, square(b, x));
    const Value bent = b.add(x, b.mul(cube, scalar(0.044715)));
    bend = b.tanh(b.mul(bent, scalar(std::sqrt(2 / std::numbers::pi))));
  } else {
    bend = b.erf(b.mul(x, scalar(1 / std::numbers::sqrt2)));
  }
  const Value half = b.mul(x, scalar(0.5));
  return b.mul(half, b.add(bend, scalar(1)));
}

// NaN is not below 0 and passes.
Value relu(const Composite& c) {
  const Value zero = c.b.scalar_like(0, c.x());
  return c.b.select(c.b.less_equal(c.x(), zero), zero, c.x());
}

Value leaky_relu(const Composite& c) {
  const Value below = c.b.less_equal(c.x(), c.b.scalar_like(0, c.x()));
  return c.b.select(below, c.b.mul(c.x(), c.b.scalar_like(c.attributes.number("slope"), c.x())), c.x());
}

Value elu(const Composite& c) {
  Builder& b = c.b;
  const Value zero = b.scalar_like(0, c.x());
  const Value above = b.greater(c.x(), zero);
  const Value bend = b.expm1(b.select(above, zero, c.x()));
  return b.select(above, c.x(), b.mul(bend, b.scalar_like(c.attributes.number("alpha"), c.x())));
}

// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))
Value softplus(const Composite& c) {
  Builder& b = c.b;
  const Value zero = b.scalar_like(0, c.x());
  const Value above = b.greater(c.x(), zero);
  const Value e = b.exp(b.select(above, b.neg(c.x()), c.x()));
  const Value line = b.select(above, c.x(), zero);
  return b.add(line, b.log1p(e));
}

// Of logits x and targets t: -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x))
//   = w x + log(1 + exp(-|x|)), w = 1 - t for x > 0, else -t.
// Where w is 0 an infinite x counts for nothing.
Value binary_cross_entropy(const Composite& c) {
  Builder& b = c.b;
  const Value x = c.x(), t = c.operands[1];
  const Value zero = b.scalar_like(0, x);
  const Value above = b.greater(x, zero);
  const Value missing = b.sub(b.scalar_like(1, x), t);
  const Value weight = b.select(above, missing, b.neg(t));
  const Value infinite = b.logical_not(b.is_finite(x));
  const Value idle = b.logical_and(infinite, b.equal(weight, zero));
  const Value line = b.mul(weight, b.select(idle, zero, x));
  const Value e = b.exp(b.select(above, b.neg(x), x));
  return b.add(line, b.log1p(e));
}

Value mean(const Composite& c) {
  return mean_over(c.b, c.x(), c.attributes.integers("axes"), false);
}

Value variance(const Composite& c) {
  const auto& axes = c.attributes.integers("axes");
  const Value centred = c.b.sub(c.x(), mean_over(c.b, c.x(), axes, true));
  return mean_over(c.b, square(c.b, centred), axes, false);
}

// The numbers are drawn in f32 whatever x is, so that a mask does not depend on the precision.
Value dropout(const Composite& c) {
  Builder& b = c.b;
  const double rate = c.attributes.number("rate");
  if (!(rate >= 0 && rate <= 1)) throw GraphError(fmt::format("dropout: rate {} is outside [0,1]", rate));
  if (rate == 1) return b.constant_like(0, c.x());
  const Value salt = c.operands.size() > 1 ? c.operands[1] : Value();
  const Value uniform = b.random_uniform({DType::f32, c.x().shape()}, c.attributes.integer("key"), salt);
  const Value keep = b.greater_equal(uniform, b.scalar_like(rate, uniform));
  const Value scaled = b.mul(c.x(), b.scalar_like(1 / (1 - rate), c.x()));
  return b.select(keep, scaled, b.scalar_like(0, c.x()));
}

Value flat_places(const Composite& c) {
  Builder& b = c.b;
  const Value indices = c.x();
  const int64_t axis = c.attributes.integer("axis");
  Value places;
  int64_t stride = 1;
  for (int64_t i = indices.rank() - 1; i >= 0; --i) {
    const Value place = i == axis ? indices : b.iota(indices.type(), i);
    const Value scaled = stride == 1 ? place : b.mul(place, b.constant_int(stride, indices.dtype()));
    places = places ? b.add(places, scaled) : scaled;
    stride *= i == axis ? c.attributes.integer("extent") : indices.shape()[static_cast<size_t>(i)];
  }
  return places;
}

}  // namespace composites

std::vector<Value> decompose(Builder& builder, OpCode code, std::span<const Value> operands,
                             const Attributes& attributes) {
  const composites::Composite composite{builder, code, operands, attributes};
  switch (code) {
#define SINTER_DEFINE_composite(name) \
  case OpCode::name:                  \
    return {composites::name(composite)};
#define SINTER_OP(name, least, most, kind, ...) SINTER_DEFINE_##kind(name)
#include "ir/graph/ops.def"
#undef SINTER_OP
    default:
      throw InternalError(fmt::format("{} is not a composite", name(code)));
  }
}

bool is_elementwise(const Op& op) {
  if (op.kind() != OpKind::composite) return op.kind() == OpKind::elementwise;
  Module scratch;
  Function& function = scratch.add_function("scratch");
  Builder builder(scratch, function);
  std::vector<Value> operands;
  for (Value operand : op.operands)
    operands.push_back(builder.parameter(fmt::format("p{}", operands.size()), operand.type()));
  decompose(builder, op.code, operands, op.attributes);
  return std::ranges::all_of(function.ops(), [](const auto& part) {
    const bool spreads_number = part->code == OpCode::broadcast && part->operands[0].type().elements() == 1;
    return part->kind() == OpKind::source || spreads_number || is_elementwise(*part);
  });
}

}  // namespace sinter::graph
