#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/nn/initializer.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "frontend/base/hash.h"
#include "frontend/base/ranges.h"
#include "frontend/trace/number.h"
#include "runtime/random.h"
#include "runtime/thread_pool.h"

namespace sinter {
namespace {

// Keeps the numbers that parameters begin with apart from those of a training step.
constexpr uint32_t kInitialSalt = 0x696e6974;

constexpr int64_t kUnit = 4096;  // elements

// Of a truncated distribution, the least part that has to be inside.
constexpr double kLeastInside = 0.01;

template <Element T, typename F>
Array filled(const Shape& shape, runtime::ThreadPool& threads, F&& element) {
  Array array(dtype_of<T>(), shape);
  const std::span<T> values = array.values<T>();
  threads.parallel_for(static_cast<int64_t>(values.size()), kUnit, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<uint64_t>(begin); i < static_cast<uint64_t>(end); ++i)
      values[i] = static_cast<T>(element(i));
  });
  return array;
}

template <typename F>
Array filled(DType type, const Shape& shape, runtime::ThreadPool& threads, F&& element) {
  switch (type) {
    case f32:
      return filled<float>(shape, threads, element);
    case f64:
      return filled<double>(shape, threads, element);
    case i32:
      return filled<int32_t>(shape, threads, element);
    case i64:
      return filled<int64_t>(shape, threads, element);
    case boolean:
      return filled<bool>(shape, threads, element);
    default:
      throw Error(fmt::format("no array of {} can be initialised", name(type)));
  }
}

double below(double x) {  // of a standard normal number, the part below x
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

// Rows of normal numbers made orthonormal one by one, by what is left of each beside those before it, twice:
// the first time leaves rounding of size 1/|what is left|. `count` rows of `width`, at most as many as that.
std::vector<double> orthonormal(int64_t count, int64_t width, const runtime::RandomStream& stream) {
  const auto n = static_cast<size_t>(width);
  std::vector<double> rows(static_cast<size_t>(count) * n);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = runtime::normal_f64(runtime::random_bits(stream, i));
  for (size_t row = 0; row < static_cast<size_t>(count); ++row) {
    double* x = rows.data() + row * n;
    for (int sweep = 0; sweep < 2; ++sweep) {
      for (size_t other = 0; other < row; ++other) {
        const double* y = rows.data() + other * n;
        double product = 0;
        for (size_t i = 0; i < n; ++i) product += x[i] * y[i];
        for (size_t i = 0; i < n; ++i) x[i] -= product * y[i];
      }
    }
    double squares = 0;
    for (size_t i = 0; i < n; ++i) squares += x[i] * x[i];
    for (size_t i = 0; i < n; ++i) x[i] /= std::sqrt(squares);
  }
  return rows;
}

[[noreturn]] void does_not_fit(const std::string& state, DType type, const Shape& shape,
                               std::string_view taken) {
  throw Error(
      fmt::format("state '{}' is {}, its initializer takes {}", state, to_string(type, shape), taken));
}

}  // namespace

Initializer Initializer::constant(Number value, Where where) {
  if (is_real(value))
    Ranges("Initializer", where).require(!std::isnan(value.real()), "constant", "a number", value.real());
  Initializer result(Kind::constant);
  result.value_ = value;
  return result;
}

Initializer Initializer::uniform(double low, double high, Where where) {
  const Ranges ranges("Initializer", where);
  ranges.finite("low", low);
  ranges.require(high >= low && std::isfinite(high), "high", "finite and not below low", high);
  return Initializer(Kind::uniform, low, high);
}

Initializer Initializer::normal(double mean, double deviation, Where where) {
  const Ranges ranges("Initializer", where);
  ranges.finite("mean", mean);
  ranges.not_negative("deviation", deviation);
  return Initializer(Kind::normal, mean, deviation);
}

Initializer Initializer::truncated_normal(double mean, double deviation, double low, double high,
                                          Where where) {
  const Ranges ranges("Initializer", where);
  ranges.finite("mean", mean);
  ranges.positive("deviation", deviation);
  const double inside = below((high - mean) / deviation) - below((low - mean) / deviation);
  if (!(inside >= kLeastInside)) {
    ranges.fail(fmt::format("truncated_normal: of numbers of mean {} and deviation {} too few lie in [{},{}]",
                            mean, deviation, low, high));
  }
  Initializer result(Kind::truncated_normal, mean, deviation);
  result.low_ = low;
  result.high_ = high;
  return result;
}

Initializer Initializer::of_fan(Kind kind, double gain, Fan fan, const Where& where) {
  Ranges("Initializer", where).not_negative("gain", gain);
  Initializer result(kind, gain);
  result.fan_ = fan;
  return result;
}

Initializer Initializer::xavier_uniform(double gain, Where where) {
  return of_fan(Kind::fan_uniform, gain, Fan::both, where);
}
Initializer Initializer::xavier_normal(double gain, Where where) {
  return of_fan(Kind::fan_normal, gain, Fan::both, where);
}
Initializer Initializer::kaiming_uniform(double gain, Fan fan, Where where) {
  return of_fan(Kind::fan_uniform, gain, fan, where);
}
Initializer Initializer::kaiming_normal(double gain, Fan fan, Where where) {
  return of_fan(Kind::fan_normal, gain, fan, where);
}

Initializer Initializer::orthogonal(double gain, Where where) {
  Ranges("Initializer", where).finite("gain", gain);
  return Initializer(Kind::orthogonal, gain);
}

Initializer Initializer::identity(double gain, Where where) {
  Ranges("Initializer", where).finite("gain", gain);
  return Initializer(Kind::identity, gain);
}

Initializer Initializer::dirac(int64_t groups, Where where) {
  Ranges("Initializer", where).at_least(1, "groups", groups);
  Initializer result(Kind::dirac);
  result.groups_ = groups;
  return result;
}

Initializer Initializer::values(Array values, Where where) {
  if (!values.defined()) Ranges("Initializer", where).fail("the array of values is undefined");
  Initializer result(Kind::values);
  result.values_ = std::move(values);
  return result;
}

Initializer Initializer::with_fans(int64_t in, int64_t out) const {
  Initializer result = *this;
  if (fans_.in < 0) result.fans_ = {in, out};
  return result;
}

Initializer Initializer::with_fans_of(const Initializer& other) const {
  return other.fans_.in < 0 ? *this : with_fans(other.fans_.in, other.fans_.out);
}

bool Initializer::is_zero() const {
  const auto is_zero = [](auto value) { return value == 0 && !std::signbit(static_cast<double>(value)); };
  return kind_ == Kind::constant && with_value(value_, is_zero);
}

// By its fans, the gain being first_.
double Initializer::deviation_of(const std::string& name, DType type, const Shape& shape) const {
  Fans fans = fans_;
  if (fans.in < 0) {
    if (shape.size() < 2) does_not_fit(name, type, shape, "two axes or more, to see fans");
    const int64_t places = element_count(Shape(shape.begin() + 2, shape.end()));
    fans = shape.size() == 2 ? Fans{shape[0], shape[1]} : Fans{shape[1] * places, shape[0] * places};
  }
  const auto in = static_cast<double>(fans.in), out = static_cast<double>(fans.out);
  const double fan = fan_ == Fan::in ? in : fan_ == Fan::out ? out : (in + out) / 2;
  return first_ / std::sqrt(std::max(fan, 1.0));
}

Array Initializer::make(const std::string& name, DType type, const Shape& shape, uint64_t seed,
                        runtime::ThreadPool& threads) const {
  const runtime::RandomStream stream{seed, 0, fnv1a(name), kInitialSalt};
  const auto uniform = [&](double low, double high) {
    return filled(type, shape, threads, [&, low, high](uint64_t i) {
      return low + (high - low) * runtime::uniform_f64(runtime::random_bits(stream, i));
    });
  };
  const auto normal = [&](double mean, double deviation) {
    return filled(type, shape, threads, [&, mean, deviation](uint64_t i) {
      return mean + deviation * runtime::normal_f64(runtime::random_bits(stream, i));
    });
  };
  switch (kind_) {
    case Kind::constant:
      return with_value(
          value_, [&](auto value) { return filled(type, shape, threads, [&](uint64_t) { return value; }); });
    case Kind::uniform:
      return uniform(first_, second_);
    case Kind::normal:
      return normal(first_, second_);
    case Kind::truncated_normal:
      return filled(type, shape, threads, [&](uint64_t i) {
        runtime::RandomStream draw = stream;
        for (;; ++draw.step) {
          const double x = first_ + second_ * runtime::normal_f64(runtime::random_bits(draw, i));
          if (x >= low_ && x <= high_) return x;
        }
      });
    case Kind::fan_uniform: {
      const double bound = std::sqrt(3.0) * deviation_of(name, type, shape);
      return uniform(-bound, bound);
    }
    case Kind::fan_normal:
      return normal(0, deviation_of(name, type, shape));
    case Kind::orthogonal: {
      if (shape.size() < 2) does_not_fit(name, type, shape, "two axes or more");
      const int64_t elements = element_count(shape), rows = shape[0];
      const int64_t columns = elements == 0 ? 0 : elements / rows;
      const bool by_rows = rows <= columns;
      const int64_t count = std::min(rows, columns), width = std::max(rows, columns);
      const std::vector<double> all = orthonormal(count, width, stream);
      return filled(type, shape, threads, [&](uint64_t i) {
        const auto row = static_cast<int64_t>(i) / columns, column = static_cast<int64_t>(i) % columns;
        return first_ * all[static_cast<size_t>(by_rows ? row * width + column : column * width + row)];
      });
    }
    case Kind::identity:
      if (shape.size() != 2) does_not_fit(name, type, shape, "two axes");
      return filled(type, shape, threads, [&](uint64_t i) {
        const auto columns = static_cast<uint64_t>(shape[1]);
        return i / columns == i % columns ? first_ : 0.0;
      });
    case Kind::dirac: {
      if (shape.size() < 3 || shape[0] % groups_ != 0) {
        does_not_fit(name, type, shape, fmt::format("[o,c,spatial...] with an o of {} groups", groups_));
      }
      const int64_t places = element_count(Shape(shape.begin() + 2, shape.end()));
      int64_t middle = 0;
      for (size_t axis = 2; axis < shape.size(); ++axis) middle = middle * shape[axis] + shape[axis] / 2;
      return filled(type, shape, threads, [&](uint64_t i) {
        const auto at = static_cast<int64_t>(i);
        const int64_t out = at / (shape[1] * places) % (shape[0] / groups_), in = at / places % shape[1];
        return out == in && at % places == middle ? 1.0 : 0.0;
      });
    }
    case Kind::values:
      break;
  }
  if (values_.dtype() != type || values_.shape() != shape) {
    throw Error(fmt::format("state '{}' is {}, its initial values are {}", name, to_string(type, shape),
                            to_string(values_.dtype(), values_.shape())));
  }
  return values_;
}

}  // namespace sinter
