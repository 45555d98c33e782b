#include "tests/fuzz/programs/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace sinter::fuzz {
namespace {

constexpr double kMostMagnitude = 64;

double lowest(DType type) {
  if (type == DType::boolean) return 0;
  return type == DType::i32 ? -0x1p31 : -0x1p63;
}
double highest(DType type) {
  if (type == DType::boolean) return 1;
  return type == DType::i32 ? 0x1p31 - 1 : 0x1p63;
}

// Axes of `wanted` that the axes of `shape` become when it is broadcast, or nothing.
std::optional<std::vector<int64_t>> embedding(const Shape& shape, const Shape& wanted, bool from_the_end) {
  std::vector<int64_t> dims(shape.size());
  auto place = from_the_end ? static_cast<int64_t>(wanted.size()) - 1 : int64_t{0};
  const int64_t step = from_the_end ? -1 : 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    const size_t axis = from_the_end ? shape.size() - 1 - i : i;
    const auto matches = [&] {
      const int64_t extent = wanted[static_cast<size_t>(place)];
      return shape[axis] == extent || shape[axis] == 1;
    };
    const auto inside = [&] { return place >= 0 && place < static_cast<int64_t>(wanted.size()); };
    while (inside() && !matches()) place += step;
    if (!inside()) return {};
    dims[axis] = place;
    place += step;
  }
  return dims;
}

}  // namespace

double Known::magnitude() const {
  return std::max(std::fabs(low), std::fabs(high));
}

Known joined(const Known& a, const Known& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high), a.exact && b.exact};
}

Known whole_range(DType type) {
  return {lowest(type), highest(type), true};
}

std::string bounded_name(int64_t number, int64_t bound) {
  return fmt::format("i{}_below_{}", number, bound);
}

std::optional<int64_t> bound_of_name(const std::string& name) {
  constexpr std::string_view kMark = "_below_";
  const size_t at = name.rfind(kMark);
  if (at == std::string::npos) return {};
  int64_t bound = 0;
  const char* end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + at + kMark.size(), end, bound);
  if (read.ec != std::errc() || read.ptr != end || bound < 1) return {};
  return bound;
}

Value Writer::parameter(const TensorType& type) {
  const auto place = static_cast<int64_t>(b.function().parameters().size());
  const Value made = b.parameter(fmt::format("x{}", place), type);
  auto& ops = b.function().ops();
  std::rotate(ops.begin() + place, ops.end() - 1, ops.end());
  const bool real = is_floating(type.dtype);
  const Known known = real ? Known{-kLargestInput, kLargestInput} : whole_range(type.dtype);
  known_[made] = known;
  values_.push_back(made);
  return made;
}

Value Writer::bounded_parameter(const TensorType& type, int64_t bound) {
  const Value made = parameter(type);
  made.op->attributes.set("name",
                          bounded_name(static_cast<int64_t>(b.function().parameters().size()), bound));
  known_[made] = {0, static_cast<double>(bound - 1)};
  return made;
}

Value Writer::knowing(Value value, const Known& known) {
  known_[value] = known;
  return value;
}

Value Writer::note(Value value, const Known& known) {
  knowing(value, known);
  if (is_floating(value.dtype()) && known.magnitude() > kMostMagnitude) {
    const double most = draw.of({1.0, 4.0, 16.0});
    value = limited(value, most);
  }
  values_.push_back(value);
  return value;
}

std::optional<Value> Writer::some(const Wanted& wanted) {
  std::vector<Value> found;
  for (const Value value : values_) {
    if (wanted(value)) found.push_back(value);
  }
  if (found.empty()) return {};
  const auto n = static_cast<int64_t>(found.size());
  const bool late = draw.below(3) != 0;
  const int64_t back = late ? draw.below(std::min<int64_t>(n, 3)) : draw.below(n);
  return found[static_cast<size_t>(n - 1 - back)];
}

Value Writer::floating(int64_t least_rank) {
  const auto found = some([&](Value v) { return is_floating(v.dtype()) && v.rank() >= least_rank; });
  return found ? *found : source({plan.floating, shape(least_rank)});
}

Value Writer::numeric() {
  const auto found = some([](Value v) { return is_numeric(v.dtype()); });
  return found ? *found : source({plan.floating, shape()});
}

Value Writer::integer() {
  const auto found = some([](Value v) { return is_integer(v.dtype()); });
  if (found && !draw.one_in(4)) return *found;
  return source({draw.of({DType::i32, DType::i64}), shape()});
}

Value Writer::exact_floating() {
  const auto found = some([&](Value v) { return is_floating(v.dtype()) && known(v).exact; });
  return found ? *found : source({plan.floating, shape()}, true);
}

Value Writer::any() {
  return values_.empty() ? source({plan.floating, shape()}) : *some([](Value) { return true; });
}

Shape Writer::shape(int64_t least_rank, int64_t most_rank) {
  Shape result(static_cast<size_t>(draw.between(least_rank, most_rank)));
  for (int64_t& n : result) n = extent();
  while (!fits(result)) *std::max_element(result.begin(), result.end()) = draw.between(1, 3);
  return result;
}

std::vector<int64_t> Writer::axes(Value x) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (draw.one_in(2)) result.push_back(i);
  }
  return result;
}

std::optional<Value> Writer::view_of_another(const TensorType& type, bool exact) {
  const auto usable = [&](Value v) { return v.dtype() == type.dtype && (!exact || known(v).exact); };
  const auto viewed = [&](Value from, Value to) { return knowing(to, known(from)); };
  switch (draw.below(5)) {
    case 0: {
      const bool from_the_end = draw.one_in(2);
      const auto x = some([&](Value v) {
        return usable(v) && v.shape() != type.shape && embedding(v.shape(), type.shape, from_the_end);
      });
      if (!x) return {};
      return viewed(*x, b.broadcast(*x, type.shape, *embedding(x->shape(), type.shape, from_the_end)));
    }
    case 1: {
      const auto x = some([&](Value v) {
        return usable(v) && v.shape() != type.shape && v.type().elements() == type.elements();
      });
      if (!x) return {};
      return viewed(*x, b.reshape(*x, type.shape));
    }
    case 2: {
      const auto x = some([&](Value v) {
        if (!usable(v) || v.shape() == type.shape) return false;
        Shape a = v.shape(), wanted = type.shape;
        std::sort(a.begin(), a.end());
        std::sort(wanted.begin(), wanted.end());
        return a == wanted;
      });
      if (!x) return {};
      std::vector<int64_t> permutation;
      for (const int64_t extent : type.shape) {
        for (int64_t axis = 0; axis < x->rank(); ++axis) {
          const bool taken = std::find(permutation.begin(), permutation.end(), axis) != permutation.end();
          if (taken || x->shape()[static_cast<size_t>(axis)] != extent) continue;
          permutation.push_back(axis);
          break;
        }
      }
      return viewed(*x, b.transpose(*x, permutation));
    }
    case 3: {
      const auto x = some([&](Value v) {
        if (!usable(v) || v.rank() != type.rank() || v.shape() == type.shape) return false;
        for (size_t i = 0; i < type.shape.size(); ++i) {
          if (v.shape()[i] < type.shape[i]) return false;
        }
        return true;
      });
      if (!x) return {};
      std::vector<int64_t> start, limit;
      for (size_t i = 0; i < type.shape.size(); ++i) {
        start.push_back(draw.between(0, x->shape()[i] - type.shape[i]));
        limit.push_back(start.back() + type.shape[i]);
      }
      return viewed(*x, b.slice(*x, start, limit));
    }
    default: {
      const auto x = some([&](Value v) { return usable(v) && v.shape() == type.shape && v.rank() > 0; });
      if (!x) return {};
      return viewed(*x, b.reverse(*x, {axis(*x)}));
    }
  }
}

Value Writer::fit(const TensorType& type, bool exact) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (draw.one_in(3)) {
      if (const auto made = view_of_another(type, exact)) return *made;
    }
    const auto found = some([&](Value v) { return v.type() == type && (!exact || known(v).exact); });
    if (found && !draw.one_in(3)) return *found;
  }
  return source(type, exact);
}

Value Writer::constant(const TensorType& type) {
  const bool real = is_floating(type.dtype);
  const auto number = [&]() -> double {
    if (type.dtype == DType::boolean) return static_cast<double>(draw.below(2));
    if (!real) return static_cast<double>(draw.between(-3, 9));
    return draw.of({0.0, 1.0, -1.0, 0.5, -0.75, 2.0, 0.125, -1.5, 1.25});
  };
  const bool dense = draw.one_in(2) && type.elements() <= 512;
  if (!dense) {
    const double value = number();
    const bool whole = draw.one_in(2);
    const Value scalar = whole ? b.constant(value, type.dtype, type.shape)
                               : b.broadcast_to(b.constant(value, type.dtype), type.shape);
    return knowing(scalar, {value, value});
  }
  std::vector<double> values(static_cast<size_t>(type.elements()));
  Known range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (double& value : values) {
    value = number();
    range = joined(range, {value, value});
  }
  if (values.empty()) range = {};
  return knowing(b.table(std::move(values), type), range);
}

Value Writer::source(const TensorType& type, bool exact) {
  const auto parameters = static_cast<int>(b.function().parameters().size());
  const bool may_be_parameter = !closed_ && parameters < plan.parameters;
  if (may_be_parameter && !draw.one_in(3)) return parameter(type);
  const bool real = is_floating(type.dtype);
  switch (draw.below(6)) {
    case 0:
      if (type.rank() == 0 || type.dtype == DType::boolean) return constant(type);
      {
        const Value made = b.iota(type, draw.below(type.rank()));
        const int64_t most = *std::max_element(type.shape.begin(), type.shape.end());
        knowing(made, {0, static_cast<double>(std::max<int64_t>(most - 1, 0))});
        return real ? limited(made, 4) : made;
      }
    case 1:
      if (!real) return constant(type);
      if (!exact && draw.one_in(2)) return knowing(b.random_normal(type, key()), {-6, 6, false});
      return knowing(b.random_uniform(type, key()), {0, 1});
    case 2:
      if (may_be_parameter) return parameter(type);
      return constant(type);
    default:
      return constant(type);
  }
}

Value Writer::limited(Value value, double most) {
  const Known range = known(value);
  if (range.magnitude() <= most) return value;
  const DType type = value.dtype();
  const auto scalar = [&](double x) { return b.constant(x, type); };
  const int64_t way = draw.below(range.exact ? 2 : 3);
  if (way == 2 && most >= 1) {
    const Value made = b.tanh(value);
    return knowing(made, {std::tanh(range.low), std::tanh(range.high), false});
  }
  if (way == 1 && range.magnitude() < 1e6) {
    const Value made = b.min(b.max(value, scalar(-most)), scalar(most));
    return knowing(made,
                   {std::clamp(range.low, -most, most), std::clamp(range.high, -most, most), range.exact});
  }
  const double factor = std::exp2(std::floor(std::log2(most / range.magnitude())));
  return knowing(b.mul(value, scalar(factor)), {range.low * factor, range.high * factor, range.exact});
}

Value Writer::positive(Value value, double least) {
  const Known range = known(value);
  if (range.low >= least) return value;
  const Value bound = b.constant(least, value.dtype());
  switch (draw.below(3)) {
    case 0:
      return knowing(b.max(value, bound), {least, std::max(least, range.high), range.exact});
    case 1:
      return knowing(b.add(b.abs(value), bound), {least, range.magnitude() + least, false});
    default: {
      const Value small = limited(value, 4);
      const double most = known(small).magnitude();
      return knowing(b.add(b.mul(small, small), bound), {least, most * most + least, false});
    }
  }
}

Value Writer::indices(DType type, const Shape& shape, int64_t bound) {
  const auto is_index = [&](Value v) {
    return v.dtype() == type && v.shape() == shape && known(v).low >= 0 &&
           known(v).high < static_cast<double>(bound);
  };
  const auto scalar = [&](int64_t x) { return b.constant_int(x, type); };
  const Known range{0, static_cast<double>(bound - 1)};
  switch (draw.below(6)) {
    case 0:
      if (const auto found = some(is_index)) return *found;
      [[fallthrough]];
    case 1:
      if (!closed_ && static_cast<int>(b.function().parameters().size()) < plan.parameters)
        return bounded_parameter({type, shape}, bound);
      [[fallthrough]];
    case 2: {
      const Value x = fit({type, shape});
      return knowing(b.rem(x, scalar(bound)), range);
    }
    case 3: {
      const Value x = fit({type, shape});
      return knowing(b.min(b.max(x, scalar(0)), scalar(bound - 1)), range);
    }
    case 4: {
      if (shape.empty() || *std::max_element(shape.begin(), shape.end()) > bound) break;
      return knowing(b.iota({type, shape}, draw.below(static_cast<int64_t>(shape.size()))), range);
    }
    default:
      break;
  }
  std::vector<double> values(static_cast<size_t>(graph::element_count(shape)));
  for (double& value : values) value = static_cast<double>(draw.below(bound));
  return knowing(b.table(std::move(values), {type, shape}), range);
}

}  // namespace sinter::fuzz
