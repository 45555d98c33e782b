#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/variable.h>

#include <cmath>

#include "frontend/base/hash.h"
#include "frontend/base/ranges.h"
#include "frontend/trace/trace.h"
#include "runtime/random.h"
#include "runtime/thread_pool.h"

namespace sinter {
namespace {

// Keeps the numbers that parameters begin with apart from those of a training step.
constexpr uint32_t kInitialSalt = 0x696e6974;

constexpr int64_t kUnit = 4096;  // elements

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

}  // namespace

Initializer Initializer::constant(Number value, std::source_location where) {
  const auto* real = std::get_if<double>(&value.content());
  if (real != nullptr)
    Ranges("Initializer", where).require(!std::isnan(*real), "constant", "a number", *real);
  Initializer result{Kind::constant, 0, 0, {}};
  result.value_ = value;
  return result;
}
Initializer Initializer::uniform(double low, double high, std::source_location where) {
  const Ranges ranges("Initializer", where);
  ranges.finite("low", low);
  ranges.require(high >= low && std::isfinite(high), "high", "finite and not below low", high);
  return {Kind::uniform, low, high, {}};
}
Initializer Initializer::normal(double mean, double deviation, std::source_location where) {
  const Ranges ranges("Initializer", where);
  ranges.finite("mean", mean);
  ranges.not_negative("deviation", deviation);
  return {Kind::normal, mean, deviation, {}};
}
Initializer Initializer::values(Array values, std::source_location where) {
  if (!values.defined()) Ranges("Initializer", where).fail("the array of values is undefined");
  return {Kind::values, 0, 0, std::move(values)};
}

bool Initializer::is_zero() const {
  const auto is_zero = [](auto value) { return value == 0 && !std::signbit(static_cast<double>(value)); };
  return kind_ == Kind::constant && std::visit(is_zero, value_.content());
}

Array Initializer::make(const std::string& name, DType type, const Shape& shape, uint64_t seed,
                        runtime::ThreadPool& threads) const {
  const runtime::RandomStream stream{seed, 0, fnv1a(name), kInitialSalt};
  switch (kind_) {
    case Kind::constant:
      return std::visit(
          [&](auto value) { return filled(type, shape, threads, [&](uint64_t) { return value; }); },
          value_.content());
    case Kind::uniform:
      return filled(type, shape, threads, [&](uint64_t i) {
        return first_ + (second_ - first_) * runtime::uniform_f64(runtime::random_bits(stream, i));
      });
    case Kind::normal:
      return filled(type, shape, threads, [&](uint64_t i) {
        return first_ + second_ * runtime::normal_f64(runtime::random_bits(stream, i));
      });
    case Kind::values:
      break;
  }
  if (values_.dtype() != type || values_.shape() != shape) {
    throw Error(fmt::format("state '{}' is {}, its initial values are {}", name, to_string(type, shape),
                            to_string(values_.dtype(), values_.shape())));
  }
  return values_;
}

const Shape& Variable::shape() const {
  if (!is_of_session_) return shape_;
  throw Error(
      fmt::format("state '{}' has no shape of its own: it is {} of each session", path(), extents_.text()));
}

Tensor Variable::read(std::source_location where) const {
  return Trace::current(fmt::format("read '{}'", path()), where).read(*this, where);
}

// Nothing tells where a conversion stands.
Variable::operator Tensor() const {
  return read(std::source_location());
}

void Variable::assign(Operand value) {
  Trace& trace = Trace::current(fmt::format("assign to '{}'", path()), value.where());
  trace.assign(*this, value.tensor(), value.where());
}

}  // namespace sinter
