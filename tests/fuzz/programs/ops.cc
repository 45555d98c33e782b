#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/fuzz/programs/makers.h"

// Sources, reductions, views, and what moves data by values.
namespace sinter::fuzz::make {

bool parameter(Writer& w) {
  const DType type = w.draw.of({w.plan.floating, w.plan.floating, DType::i32, DType::i64, DType::boolean});
  const Value made = w.source({type, w.shape()});
  w.note(made, w.known(made));
  return true;
}

bool constant(Writer& w) {
  const DType type = w.draw.of({w.plan.floating, w.plan.floating, DType::i32, DType::i64, DType::boolean});
  const Value made = w.constant({type, w.shape()});
  w.note(made, w.known(made));
  return true;
}

bool iota(Writer& w) {
  const DType type = w.draw.of({w.plan.floating, DType::i32, DType::i64});
  const Shape shape = w.shape(1);
  const int64_t axis = w.draw.below(static_cast<int64_t>(shape.size()));
  const int64_t most = std::max<int64_t>(shape[static_cast<size_t>(axis)] - 1, 0);
  w.note(w.b.iota({type, shape}, axis), {0, static_cast<double>(most)});
  return true;
}

namespace {

// A salt or none.
Value salt(Writer& w) {
  return w.draw.one_in(3) ? w.fit({DType::i32, {}}) : Value();
}

}  // namespace

bool random_bits(Writer& w) {
  const Shape shape = w.shape();
  const Value by = salt(w);
  w.note(w.b.random_bits(shape, w.key(), by), whole_range(DType::i32));
  return true;
}

bool random_uniform(Writer& w) {
  const Shape shape = w.shape();
  const Value by = salt(w);
  w.note(w.b.random_uniform({w.plan.floating, shape}, w.key(), by), {0, 1});
  return true;
}

bool random_normal(Writer& w) {
  const Shape shape = w.shape();
  const Value by = salt(w);
  w.note(w.b.random_normal({w.plan.floating, shape}, w.key(), by), {-6, 6, false});
  return true;
}

namespace {

double terms(Value x, Value sum) {
  return static_cast<double>(x.type().elements()) /
         static_cast<double>(std::max<int64_t>(sum.type().elements(), 1));
}

Known summed(Writer& w, Value x, double count) {
  const Known in = w.known(x);
  if (is_floating(x.dtype())) return {std::min(in.low * count, 0.0), std::max(in.high * count, 0.0), false};
  return in.magnitude() * count < 0x1p31
             ? Known{std::min(in.low * count, 0.0), std::max(in.high * count, 0.0)}
             : whole_range(x.dtype());
}

bool extreme(Writer& w, OpCode code) {
  const Value x = w.any();
  const std::vector<int64_t> axes = w.axes(x);
  const bool keep = w.draw.one_in(3);
  Value made = code == OpCode::reduce_max ? w.b.reduce_max(x, axes, keep) : w.b.reduce_min(x, axes, keep);
  const bool empty = x.type().elements() == 0 && made.type().elements() > 0;
  if (empty && is_floating(x.dtype())) {  // what is infinite stays by itself
    const double bound = code == OpCode::reduce_max ? -1 : 1;
    made = w.b.elementwise(code == OpCode::reduce_max ? OpCode::max : OpCode::min,
                           {made, w.b.constant_like(bound, made)});
    w.note(made, {bound, bound});
    return true;
  }
  w.note(made, empty ? whole_range(x.dtype()) : w.known(x));
  return true;
}

}  // namespace

bool reduce_sum(Writer& w) {
  const Value x = w.numeric();
  const std::vector<int64_t> axes = w.axes(x);
  const bool keep = w.draw.one_in(3);
  const Value sum = w.b.reduce_sum(x, axes, keep);
  w.note(sum, summed(w, x, terms(x, sum)));
  return true;
}

bool reduce_max(Writer& w) {
  return extreme(w, OpCode::reduce_max);
}
bool reduce_min(Writer& w) {
  return extreme(w, OpCode::reduce_min);
}

bool argmax(Writer& w) {
  const auto found = w.some([&](Value v) { return w.known(v).exact; });
  const Value x = found ? *found : w.exact_floating();
  std::vector<int64_t> axes;
  int64_t places = 1;
  for (const int64_t axis : w.axes(x)) {
    const int64_t extent = x.shape()[static_cast<size_t>(axis)];
    if (extent == 0) continue;
    axes.push_back(axis);
    places *= extent;
  }
  const bool keep = w.draw.one_in(3);
  w.note(w.b.argmax(x, axes, keep), {0, static_cast<double>(places - 1)});
  return true;
}

// Axes of x are summed, shared or its own; the other side has up to two axes more.
bool contract(Writer& w) {
  const bool whole = w.draw.one_in(8);
  const auto found = w.some([&](Value v) { return is_integer(v.dtype()); });
  const Value x = whole && found ? *found : w.floating();
  std::string lhs, rhs, result;
  std::vector<std::pair<char, int64_t>> extents;
  const auto put = [&](std::string& into, char letter) {
    into.insert(static_cast<size_t>(w.draw.below(static_cast<int64_t>(into.size()) + 1)), 1, letter);
  };
  double work = 1, sums = 1;
  for (size_t i = 0; i < x.shape().size(); ++i) {
    const char letter = static_cast<char>('a' + i);
    const int64_t kind = w.draw.below(4);  // mostly summed
    lhs += letter;
    if (kind != 0) put(rhs, letter);
    if (kind <= 1) put(result, letter);
    if (kind > 1) sums *= static_cast<double>(x.shape()[i]);
    work *= static_cast<double>(x.shape()[i]);
    extents.emplace_back(letter, x.shape()[i]);
  }
  const int64_t more = w.draw.below(3);
  for (int64_t i = 0; i < more; ++i) {
    const char letter = static_cast<char>('n' + i);
    const int64_t extent = w.extent();
    if (work * static_cast<double>(extent) > static_cast<double>(w.plan.most_work)) break;
    work *= static_cast<double>(extent);
    put(rhs, letter);
    put(result, letter);
    extents.emplace_back(letter, extent);
  }
  if (lhs.empty() && rhs.empty()) return false;
  Shape other, made;
  const auto shape_of = [&](const std::string& letters) {
    Shape shape;
    for (const char letter : letters)
      shape.push_back(
          std::find_if(extents.begin(), extents.end(), [&](auto& e) { return e.first == letter; })->second);
    return shape;
  };
  if (!w.fits(shape_of(rhs)) || !w.fits(shape_of(result))) return false;
  const Value y = w.fit({x.dtype(), shape_of(rhs)});
  const bool swapped = w.draw.one_in(2);
  const Value product = swapped ? w.b.contract(y, x, rhs + "," + lhs + "->" + result)
                                : w.b.contract(x, y, lhs + "," + rhs + "->" + result);
  if (!is_floating(x.dtype())) {
    w.note(product, whole_range(x.dtype()));
    return true;
  }
  const double most = w.known(x).magnitude() * w.known(y).magnitude() * sums;
  w.note(product, {-most, most, false});
  return true;
}

bool reshape(Writer& w) {
  const Value x = w.any();
  Shape flat;
  int64_t run = 1;
  for (const int64_t n : x.shape()) {
    run *= n;
    if (w.draw.one_in(2)) flat.push_back(std::exchange(run, 1));
    if (w.draw.one_in(4)) flat.push_back(1);
  }
  flat.push_back(run);
  for (const int64_t part : {2, 3}) {
    if (flat.back() % part != 0 || flat.back() == 0 || !w.draw.one_in(2)) continue;
    flat.back() /= part;
    flat.insert(flat.end() - (w.draw.one_in(2) ? 1 : 0), part);
    break;
  }
  if (flat.size() == 1 && flat[0] == 1 && w.draw.one_in(2)) flat.clear();
  return moved(w, x, w.b.reshape(x, flat));
}

bool transpose(Writer& w) {
  const auto found = w.some([](Value v) { return v.rank() > 1; });
  if (!found) return false;
  std::vector<int64_t> permutation(found->shape().size());
  std::iota(permutation.begin(), permutation.end(), 0);
  w.draw.shuffle(permutation);
  return moved(w, *found, w.b.transpose(*found, permutation));
}

bool broadcast(Writer& w) {
  const Value x = w.any();
  Shape wanted;
  std::vector<int64_t> dims;
  for (const int64_t n : x.shape()) {
    if (w.draw.one_in(4)) wanted.push_back(w.extent());
    dims.push_back(static_cast<int64_t>(wanted.size()));
    const bool spread = n == 1 && w.draw.one_in(2);
    wanted.push_back(spread ? w.extent() : n);
  }
  if (w.draw.one_in(2)) wanted.push_back(w.extent());
  if (!w.fits(wanted) || wanted.size() > 5) return false;
  return moved(w, x, w.b.broadcast(x, wanted, dims));
}

bool slice(Writer& w) {
  const Value x = w.any();
  std::vector<int64_t> start, limit, stride;
  for (const int64_t n : x.shape()) {
    const bool whole = w.draw.one_in(2);
    start.push_back(whole ? 0 : w.draw.between(0, n));
    limit.push_back(whole ? n : w.draw.between(std::min(start.back() + 1, n), n));
    stride.push_back(w.draw.one_in(2) ? 1 : w.draw.between(1, 3));
  }
  if (w.b.function().ops().empty()) return false;
  return moved(w, x, w.b.slice(x, start, limit, stride));
}

bool pad(Writer& w) {
  const Value x = w.any();
  std::vector<int64_t> low, high, interior;
  for (size_t i = 0; i < x.shape().size(); ++i) {
    low.push_back(w.draw.below(3));
    high.push_back(w.draw.below(3));
    interior.push_back(w.draw.one_in(3) ? w.draw.below(3) : 0);
  }
  const bool real = is_floating(x.dtype());
  const double value = real                          ? w.draw.of({0.0, 0.5, -1.25})
                       : x.dtype() == DType::boolean ? w.draw.of({0.0, 1.0})
                                                     : w.draw.of({0.0, -1.0, 3.0});
  int64_t elements = 1;
  for (size_t i = 0; i < x.shape().size(); ++i)
    elements *= low[i] + high[i] + x.shape()[i] + std::max<int64_t>(x.shape()[i] - 1, 0) * interior[i];
  if (elements > w.plan.most_elements) return false;
  w.note(w.b.pad(x, low, high, interior, value), joined(w.known(x), {value, value}));
  return true;
}

bool concat(Writer& w) {
  const auto found = w.some([](Value v) { return v.rank() > 0; });
  if (!found) return false;
  const int64_t axis = w.axis(*found), count = w.draw.one_in(8) ? 5 : w.draw.between(1, 3);
  std::vector<Value> parts{*found};
  Known range = w.known(*found);
  int64_t elements = found->type().elements();
  for (int64_t i = 1; i < count; ++i) {
    TensorType type = found->type();
    if (w.draw.one_in(2)) type.shape[static_cast<size_t>(axis)] = w.extent();
    elements += type.elements();
    if (elements > w.plan.most_elements) break;
    parts.push_back(w.fit(type));
    range = joined(range, w.known(parts.back()));
  }
  w.draw.shuffle(parts);
  w.note(w.b.concat(parts, axis), range);
  return true;
}

bool reverse(Writer& w) {
  const Value x = w.any();
  return moved(w, x, w.b.reverse(x, w.axes(x)));
}

bool window(Writer& w) {
  const auto found = w.some([](Value v) {
    return v.rank() > 0 && v.rank() < 5 && *std::max_element(v.shape().begin(), v.shape().end()) > 0;
  });
  if (!found) return false;
  const int64_t axis = w.axis(*found), extent = found->shape()[static_cast<size_t>(axis)];
  if (extent == 0) return false;
  const int64_t size = w.draw.between(1, std::min<int64_t>(extent, 5));
  const int64_t dilation =
      size == 1 ? w.draw.between(1, 3) : w.draw.between(1, std::min<int64_t>((extent - 1) / (size - 1), 3));
  const int64_t stride = w.draw.between(1, 3);
  if (found->type().elements() * size > w.plan.most_elements) return false;
  return moved(w, *found, w.b.window(*found, axis, size, stride, dilation));
}

bool fold(Writer& w) {
  const auto found = w.some([](Value v) {
    return is_numeric(v.dtype()) && v.rank() > 1 && v.shape().back() > 0 && v.shape().back() <= 16 &&
           v.type().elements() > 0;
  });
  if (!found) return false;
  const int64_t axis = w.draw.below(found->rank() - 1), count = found->shape()[static_cast<size_t>(axis)];
  const int64_t size = found->shape().back();
  const int64_t stride = w.draw.between(1, 3), dilation = w.draw.between(1, 2);
  const int64_t left = w.draw.below(stride);
  const int64_t extent = (count - 1) * stride + (size - 1) * dilation + 1 + left;
  if (found->type().elements() / count * extent > w.plan.most_elements) return false;
  w.note(w.b.fold(*found, axis, extent, stride, dilation), summed(w, *found, static_cast<double>(size)));
  return true;
}

namespace {

DType index_type(Writer& w) {
  return w.draw.one_in(3) ? DType::i64 : DType::i32;
}

std::optional<Value> indexable(Writer& w, const Writer::Wanted& wanted) {
  return w.some([&](Value v) { return v.rank() > 0 && v.type().elements() > 0 && wanted(v); });
}

// Scalars, in range or not, as starts are clamped.
std::vector<Value> starts(Writer& w, int64_t count) {
  std::vector<Value> result;
  const DType type = index_type(w);
  for (int64_t i = 0; i < count; ++i) {
    const bool small = !w.draw.one_in(4);
    result.push_back(small ? w.indices(type, {}, w.draw.between(1, 12)) : w.fit({type, {}}));
  }
  return result;
}

}  // namespace

bool gather(Writer& w) {
  const auto x = indexable(w, [](Value) { return true; });
  if (!x) return false;
  const int64_t axis = w.axis(*x), bound = x->shape()[static_cast<size_t>(axis)];
  const Shape places = w.shape(0, 2);
  if (x->type().elements() / bound * graph::element_count(places) > w.plan.most_elements) return false;
  const Value at = w.indices(index_type(w), places, bound);
  return moved(w, *x, w.b.gather(*x, at, axis));
}

bool scatter_add(Writer& w) {
  const auto x = indexable(w, [](Value v) { return is_numeric(v.dtype()); });
  if (!x) return false;
  const int64_t axis = w.axis(*x), bound = x->shape()[static_cast<size_t>(axis)];
  const Shape places = w.shape(0, 2);
  Shape updates(x->shape().begin(), x->shape().begin() + axis);
  updates.insert(updates.end(), places.begin(), places.end());
  updates.insert(updates.end(), x->shape().begin() + axis + 1, x->shape().end());
  if (!w.fits(updates)) return false;
  const bool rising = places.size() == 1 && places[0] <= bound && w.draw.one_in(3);
  const Value at = rising ? w.knowing(w.b.iota({DType::i32, places}, 0), {0, static_cast<double>(bound)})
                          : w.indices(index_type(w), places, bound);
  const Value added = w.fit({x->dtype(), updates});
  const Value made = w.b.scatter_add(*x, at, added, axis);
  if (rising && w.draw.one_in(2)) made.op->attributes.set("sorted", true);
  const Known sum = summed(w, added, static_cast<double>(graph::element_count(places)));
  const Known base = w.known(*x);
  Known range{base.low + sum.low, base.high + sum.high, false};
  if (!is_floating(x->dtype())) range = whole_range(x->dtype());
  w.note(made, range);
  return true;
}

bool dynamic_slice(Writer& w) {
  const Value x = w.any();
  Shape sizes;
  for (const int64_t n : x.shape())
    sizes.push_back(w.draw.one_in(3) ? n : w.draw.between(std::min<int64_t>(n, 1), n));
  return moved(w, x, w.b.dynamic_slice(x, starts(w, x.rank()), sizes));
}

bool dynamic_update(Writer& w) {
  const Value x = w.any();
  Shape sizes;
  for (const int64_t n : x.shape())
    sizes.push_back(w.draw.one_in(3) ? n : w.draw.between(std::min<int64_t>(n, 1), n));
  const Value update = w.fit({x.dtype(), sizes});
  const std::vector<Value> at = starts(w, x.rank());
  w.note(w.b.dynamic_update(x, update, at), joined(w.known(x), w.known(update)));
  return true;
}

bool top_k(Writer& w) {
  const auto x = w.some([&](Value v) { return is_numeric(v.dtype()) && v.rank() > 0 && w.known(v).exact; });
  if (!x) return false;
  const int64_t last = x->shape().back(), k = w.draw.between(0, std::min<int64_t>(last, 6));
  const auto [values, places] = w.b.top_k(*x, k);
  w.note(values, w.known(*x));
  w.note(places, {0, static_cast<double>(std::max<int64_t>(last - 1, 0))});
  return true;
}

bool sort(Writer& w) {
  const auto x = w.some([&](Value v) { return is_numeric(v.dtype()) && v.rank() > 0 && w.known(v).exact; });
  if (!x) return false;
  const auto [values, places] = w.b.sort(*x, w.draw.one_in(2));
  w.note(values, w.known(*x));
  w.note(places, {0, static_cast<double>(std::max<int64_t>(x->shape().back() - 1, 0))});
  return true;
}

bool cumsum(Writer& w) {
  const auto x = w.some([&](Value v) { return is_numeric(v.dtype()) && v.rank() > 0; });
  if (!x) return false;
  const int64_t axis = w.axis(*x);
  const bool reverse = w.draw.one_in(2);
  w.note(w.b.cumsum(*x, axis, reverse),
         summed(w, *x, static_cast<double>(x->shape()[static_cast<size_t>(axis)])));
  return true;
}

bool check_index(Writer& w) {
  const auto found =
      w.some([&](Value v) { return is_integer(v.dtype()) && w.known(v).low >= 0 && w.known(v).high < 1e6; });
  const Value x = found ? *found : w.indices(index_type(w), w.shape(), w.draw.between(1, 9));
  std::optional<int64_t> ignore;
  if (w.draw.one_in(3)) ignore = -1;
  return moved(w, x, w.b.check_index(x, static_cast<int64_t>(w.known(x).high) + 1, ignore));
}

bool check_finite(Writer& w) {
  const Value x = w.floating();
  return moved(w, x, w.b.check_finite(x, "a value"));
}

}  // namespace sinter::fuzz::make
