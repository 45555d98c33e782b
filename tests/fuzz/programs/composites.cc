#include <algorithm>
#include <cmath>

#include "tests/fuzz/programs/makers.h"

namespace sinter::fuzz::make {
namespace {

// The op, or what it stands for, which `raise` may find.
Value composite(Writer& w, OpCode code, const std::vector<Value>& operands,
                const graph::Attributes& attributes) {
  if (!w.draw.one_in(3)) return w.b.emit(code, operands, attributes).result();
  return graph::decompose(w.b, code, operands, attributes)[0];
}

bool noted(Writer& w, Value value, double low, double high) {
  w.note(value, {low, high, false});
  return true;
}

// Floating values with an axis of some length: what is taken over none has no bounds.
Value rows(Writer& w) {
  const auto found =
      w.some([](Value v) { return is_floating(v.dtype()) && v.rank() > 0 && v.type().elements() > 0; });
  if (found) return *found;
  Shape shape = w.shape(1);
  for (int64_t& n : shape) n = std::max<int64_t>(n, 1);
  return w.source({w.plan.floating, shape});
}

bool along_an_axis(Writer& w, OpCode code, double low) {
  const Value x = rows(w);
  const int64_t axis = w.axis(x);
  return noted(w, composite(w, code, {x}, {{"axis", axis}}), low, code == OpCode::softmax ? 1 : 0);
}

// The least that a variance gets is what keeps errors of the rows from growing.
double epsilon(Writer& w) {
  return w.draw.of({0.1, 0.25, 1.0});
}

bool norm(Writer& w, OpCode code, int64_t most_operands) {
  const Value x = w.limited(rows(w), 8);
  std::vector<Value> operands{x};
  const int64_t count = w.draw.between(1, most_operands);
  while (static_cast<int64_t>(operands.size()) < count)
    operands.push_back(w.limited(w.fit({x.dtype(), {x.shape().back()}}), 4));
  const double most = 4 * std::sqrt(static_cast<double>(x.shape().back())) + 4;
  return noted(w, composite(w, code, operands, {{"epsilon", epsilon(w)}}), -most, most);
}

bool activation(Writer& w, OpCode code, const graph::Attributes& attributes = {}) {
  const Value x = w.floating();
  const Known in = w.known(x);
  const double low = code == OpCode::sigmoid || code == OpCode::relu || code == OpCode::softplus
                         ? 0
                         : std::min(in.low, -1.0);
  const double high = code == OpCode::sigmoid ? 1 : std::max(in.high, 0.0) + 1;
  w.note(composite(w, code, {x}, attributes), {low, high, in.exact && code == OpCode::relu});
  return true;
}

bool average(Writer& w, OpCode code) {
  const Value x = code == OpCode::variance ? w.limited(rows(w), 8) : rows(w);
  const Known in = w.known(x);
  const std::vector<int64_t> axes = w.axes(x);
  const double square = in.magnitude() * in.magnitude();
  const Value made = composite(w, code, {x}, {{"axes", axes}});
  return code == OpCode::mean ? noted(w, made, in.low, in.high) : noted(w, made, 0, square);
}

// [n, channels, spatial...]
Value image(Writer& w) {
  const auto found = w.some([](Value v) {
    return is_floating(v.dtype()) && (v.rank() == 3 || v.rank() == 4) && v.type().elements() > 0;
  });
  if (found && !w.draw.one_in(3)) return *found;
  Shape shape{w.draw.between(1, 2), w.draw.of<int64_t>({1, 2, 3, 4, 6, 8})};
  const int64_t spatial = w.draw.between(1, 2);
  for (int64_t i = 0; i < spatial; ++i) shape.push_back(w.draw.between(3, 9));
  return w.fit({w.plan.floating, shape});
}

bool pool(Writer& w, OpCode code) {
  const Value x = image(w);
  std::vector<int64_t> size, stride;
  for (int64_t axis = 2; axis < x.rank(); ++axis) {
    size.push_back(w.draw.between(1, std::min<int64_t>(x.shape()[static_cast<size_t>(axis)], 4)));
    stride.push_back(w.draw.between(1, 3));
  }
  const Known in = w.known(x);
  w.note(composite(w, code, {x}, {{"size", size}, {"stride", stride}}),
         {in.low, in.high, in.exact && code == OpCode::max_pool});
  return true;
}

}  // namespace

bool softmax(Writer& w) {
  return along_an_axis(w, OpCode::softmax, 0);
}
bool log_softmax(Writer& w) {
  return along_an_axis(w, OpCode::log_softmax, -140);
}
bool layer_norm(Writer& w) {
  return norm(w, OpCode::layer_norm, 3);
}
bool rms_norm(Writer& w) {
  return norm(w, OpCode::rms_norm, 2);
}
bool sigmoid(Writer& w) {
  return activation(w, OpCode::sigmoid);
}
bool silu(Writer& w) {
  return activation(w, OpCode::silu);
}
bool relu(Writer& w) {
  return activation(w, OpCode::relu);
}
bool softplus(Writer& w) {
  return activation(w, OpCode::softplus);
}
// Within its domain, and where the result is no larger than some hundreds.
bool bounded(Writer& w, OpCode code, double low, double high, double least, double most) {
  Value x = w.floating();
  x = w.b.max(w.b.min(x, w.b.scalar_like(high, x)), w.b.scalar_like(low, x));
  return noted(w, composite(w, code, {x}, {}), least, most);
}
bool sinh(Writer& w) {
  return bounded(w, OpCode::sinh, -6, 6, -202, 202);
}
bool cosh(Writer& w) {
  return bounded(w, OpCode::cosh, -6, 6, 1, 202);
}
bool asin(Writer& w) {
  return bounded(w, OpCode::asin, -0.9, 0.9, -1.2, 1.2);
}
bool acos(Writer& w) {
  return bounded(w, OpCode::acos, -0.9, 0.9, 0.4, 2.7);
}
bool atan(Writer& w) {
  return noted(w, composite(w, OpCode::atan, {w.floating()}, {}), -1.6, 1.6);
}
bool asinh(Writer& w) {
  return noted(w, composite(w, OpCode::asinh, {w.floating()}, {}), -90, 90);
}
bool acosh(Writer& w) {
  return bounded(w, OpCode::acosh, 1.1, 1000, 0.4, 8);
}
bool atanh(Writer& w) {
  return bounded(w, OpCode::atanh, -0.9, 0.9, -1.5, 1.5);
}
bool binary_cross_entropy(Writer& w) {
  const Value x = w.limited(w.floating(), 8);
  const Value t = w.limited(w.fit(x.type()), 4);
  return noted(w, composite(w, OpCode::binary_cross_entropy, {x, t}, {}), -40, 50);
}
bool mean(Writer& w) {
  return average(w, OpCode::mean);
}
bool variance(Writer& w) {
  return average(w, OpCode::variance);
}
bool max_pool(Writer& w) {
  return pool(w, OpCode::max_pool);
}
bool average_pool(Writer& w) {
  return pool(w, OpCode::average_pool);
}
bool flat_places(Writer& w) {
  const Shape shape = w.shape(1);
  const int64_t axis = w.draw.below(static_cast<int64_t>(shape.size())),
                extent = w.draw.of<int64_t>({1, 2, 7});
  const Value indices = w.indices(w.draw.of({DType::i32, DType::i64}), shape, extent);
  const double all = static_cast<double>(graph::element_count(shape) * extent);
  return noted(w, composite(w, OpCode::flat_places, {indices}, {{"axis", axis}, {"extent", extent}}), 0, all);
}

bool gelu(Writer& w) {
  const bool tanh = w.draw.one_in(2);
  return activation(w, OpCode::gelu, {{"tanh", tanh}});
}
bool leaky_relu(Writer& w) {
  const double slope = w.draw.of({0.0, 0.25, -0.5});
  return activation(w, OpCode::leaky_relu, {{"slope", slope}});
}
bool elu(Writer& w) {
  const double alpha = w.draw.of({1.0, 0.5});
  return activation(w, OpCode::elu, {{"alpha", alpha}});
}

bool dropout(Writer& w) {
  const Value x = w.floating();
  const Known in = w.known(x);
  const double rate = w.draw.of({0.0, 0.25, 0.5, 1.0});
  const double grown = rate < 1 ? 1 / (1 - rate) : 0;
  std::vector<Value> operands{x};
  if (w.draw.one_in(3)) operands.push_back(w.fit({DType::i32, {}}));
  return noted(w, composite(w, OpCode::dropout, operands, {{"rate", rate}, {"key", w.key()}}),
               std::min(in.low * grown, 0.0), std::max(in.high * grown, 0.0));
}

bool cross_entropy(Writer& w) {
  const Value logits = w.limited(rows(w), 16);
  const Shape positions(logits.shape().begin(), logits.shape().end() - 1);
  const DType type = w.draw.of({DType::i32, DType::i64});
  std::vector<Value> operands{logits, w.indices(type, positions, logits.shape().back())};
  if (w.draw.one_in(3))
    operands.push_back(w.positive(w.fit({logits.dtype(), {logits.shape().back()}}), 0.25));
  graph::Attributes attributes;
  if (w.draw.one_in(2)) attributes.set("ignore_index", w.draw.of<int64_t>({-100, 0, 1}));
  return noted(w, composite(w, OpCode::cross_entropy, operands, attributes), 0, 64);
}

namespace {

bool attention_of(Writer& w, OpCode code) {
  const bool has_values = code == OpCode::attention;
  const auto small = [&] { return w.draw.of<int64_t>({1, 1, 2, 3}); };
  const auto time = [&] {
    const int64_t n = w.extent();
    return std::max<int64_t>(std::min<int64_t>(n, 40), 1);
  };
  const DType type = w.plan.floating;
  const int64_t batch = small(), groups = small(), heads = groups * small();
  const int64_t queries = time(), keys = w.draw.one_in(2) ? queries : time();
  const int64_t width = w.draw.of<int64_t>({1, 2, 4, 5, 8, 16}),
                values = w.draw.one_in(2) ? width : w.draw.between(1, 9);
  const Shape scores{batch, heads, queries, keys};
  if (graph::element_count(scores) * (width + values) > 4 * w.plan.most_work) return false;
  const auto operand = [&](Shape shape) { return w.limited(w.fit({type, std::move(shape)}), 2); };
  std::vector<Value> operands;
  operands.push_back(operand({batch, heads, queries, width}));
  operands.push_back(operand({batch, groups, keys, width}));
  if (has_values) operands.push_back(operand({batch, groups, keys, values}));
  const double range = has_values ? w.known(operands[2]).magnitude() : 1;
  graph::Attributes attributes{{"scale", w.draw.of({0.25, 0.5, 1.0})}};
  const auto spread = [&] {
    Shape shape = scores;
    for (int64_t& n : shape) {
      if (w.draw.one_in(2)) n = 1;
    }
    const int64_t dropped = w.draw.below(3);
    for (int64_t i = 0; i < dropped && shape[0] == 1; ++i) shape.erase(shape.begin());
    return shape;
  };
  if (w.draw.one_in(4)) {
    attributes.set("lengths", true);
    operands.push_back(w.indices(DType::i32, {batch}, keys + 1));
  }
  if (w.draw.one_in(3)) {
    attributes.set("bias", true);
    operands.push_back(operand(spread()));
  }
  if (w.draw.one_in(4)) {
    attributes.set("mask", true);
    operands.push_back(w.fit({DType::boolean, spread()}));
  }
  if (w.draw.one_in(3)) attributes.set("causal", true);
  if (w.draw.one_in(5)) attributes.set("window", w.draw.between(1, 4));
  if (w.draw.one_in(5)) attributes.set("softcap", 4.0);
  double grown = 1;
  if (has_values && w.draw.one_in(5)) {
    attributes.set("rate", 0.25);
    attributes.set("key", w.key());
    grown = 1 / 0.75;
    if (w.draw.one_in(2)) {
      attributes.set("salt", true);
      operands.push_back(w.fit({DType::i32, {}}));
    }
  }
  return noted(w, composite(w, code, operands, attributes), has_values ? -range * grown : 0, range * grown);
}

}  // namespace

bool attention(Writer& w) {
  return attention_of(w, OpCode::attention);
}
bool attention_weights(Writer& w) {
  return attention_of(w, OpCode::attention_weights);
}

bool convolution(Writer& w) {
  const Value x = w.limited(image(w), 8);
  const int64_t channels = x.shape()[1];
  int64_t groups = 1;
  if (w.draw.one_in(3)) groups = channels;
  if (w.draw.one_in(3) && channels % 2 == 0) groups = 2;
  const int64_t features = groups * w.draw.between(1, groups > 3 ? 2 : 4);
  Shape kernel{features, channels / groups};
  std::vector<int64_t> stride, padding, dilation;
  double work = static_cast<double>(x.type().elements() * features / groups);
  for (int64_t axis = 2; axis < x.rank(); ++axis) {
    padding.push_back(w.draw.below(3));
    const int64_t extent = x.shape()[static_cast<size_t>(axis)] + 2 * padding.back();
    const int64_t size = w.draw.between(1, std::min<int64_t>(extent, 3));
    kernel.push_back(size);
    dilation.push_back(size == 1 ? 1 : w.draw.between(1, std::min<int64_t>((extent - 1) / (size - 1), 2)));
    stride.push_back(w.draw.between(1, 2));
    work *= static_cast<double>(size);
  }
  if (work > 4 * static_cast<double>(w.plan.most_work)) return false;
  std::vector<Value> operands{x, w.limited(w.fit({x.dtype(), kernel}), 2)};
  if (w.draw.one_in(3)) operands.push_back(w.fit({x.dtype(), {features}}));
  const Value made =
      composite(w, OpCode::convolution, operands,
                {{"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"groups", groups}});
  const double sums = static_cast<double>(graph::element_count(kernel)) / static_cast<double>(features);
  const double bias = operands.size() > 2 ? w.known(operands[2]).magnitude() : 0;
  const double most = sums * w.known(operands[0]).magnitude() * w.known(operands[1]).magnitude() + bias;
  return noted(w, made, -most, most);
}

}  // namespace sinter::fuzz::make
