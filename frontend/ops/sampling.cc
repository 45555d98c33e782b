#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/indexing.h>
#include <sinter/nn/sampling.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

int64_t classes_of(const Pin& pin, std::string_view what, const Tensor& x) {
  check_floating(pin, what, x);
  if (x.rank() == 0 || x.dim(-1) == 0)
    pin.fail(fmt::format("takes {} [...,classes], got {}", what, x.type()));
  return x.dim(-1);
}

// [...] of [...,classes].
Shape rows_of(const Tensor& logits) {
  return {logits.shape().begin(), logits.shape().end() - 1};
}

// A column [...,1] of what broadcasts to the rows.
Tensor column(const Tensor& x, const Tensor& logits) {
  return expand_dims(broadcast_to(x, rows_of(logits)), -1);
}

// The first `count` [...,1] of the sorted logits, down to the position of the last of them.
Tensor keep_first(const Tensor& logits, const Sorted& sorted, const Tensor& count) {
  const Tensor least = take_along_axis(sorted.values, count - 1, -1);
  const Tensor last = take_along_axis(sorted.positions, count - 1, -1);
  const Tensor is_kept = (logits > least) | ((logits == least) & (iota(logits.shape(), -1) <= last));
  return where(is_kept, logits, kMinusInfinity);
}

Tensor gumbel_noise(const Shape& shape, DType type, const std::source_location& where) {
  const Tensor uniform = random_uniform(shape, 0, 1, f32, where);
  return cast(-log(-log(maximum(uniform, 0x1p-26))), type);
}

// The number that an operand is, or nothing where it is a tensor.
std::optional<int64_t> whole_in(const Operand& x) {
  const Number* number = x.given_number();
  if (number == nullptr || number->kind() != Number::Kind::integer) return std::nullopt;
  return number->integer();
}
std::optional<double> number_in(const Operand& x) {
  const Number* number = x.given_number();
  if (number != nullptr && number->kind() == Number::Kind::real) return number->real();
  return whole_in(x);
}

}  // namespace

Tensor keep_top_k(Operand operand, Operand k) {
  const Pin pin("keep_top_k", operand.where());
  const Tensor logits = operand.tensor();
  const int64_t classes = classes_of(pin, "logits", logits);
  if (const std::optional<int64_t> number = whole_in(k)) {
    ranges_at("keep_top_k", operand.where()).at_least(0, "k", *number);
    if (*number == 0 || *number >= classes) return logits;
  }
  const Tensor wanted = k.tensor();
  check_integers(pin, "k", wanted);
  check_broadcasts(pin, "k", wanted, wanted.dtype(), rows_of(logits));
  const Tensor most = column(minimum(wanted, classes), logits);
  return keep_first(logits, sort(logits, -1, true), where(most > 0, most, classes));
}

Tensor keep_top_p(Operand operand, Operand p) {
  const Pin pin("keep_top_p", operand.where());
  const Tensor logits = operand.tensor();
  const int64_t classes = classes_of(pin, "logits", logits);
  const std::optional<double> number = number_in(p);
  if (number) ranges_at("keep_top_p", operand.where()).not_negative("p", *number);
  if (number.value_or(0) >= 1) return logits;
  const Tensor share = number ? full({}, *number, logits.dtype(), operand.where()) : p.tensor();
  check_broadcasts(pin, "p", share, logits.dtype(), rows_of(logits));
  const Tensor wanted = column(share, logits);
  const Sorted sorted = sort(logits, -1, true);
  const Tensor probabilities = softmax(sorted.values);
  const Tensor before = cumsum(probabilities, -1) - probabilities;
  const Tensor count = maximum(sum(cast(before < wanted, i32), -1, keepdims), 1);
  return keep_first(logits, sorted, where(wanted < 1, count, static_cast<int>(classes)));
}

Tensor categorical(Operand operand) {
  const Pin pin("categorical", operand.where());
  const Tensor logits = operand.tensor();
  classes_of(pin, "logits", logits);
  return argmax(logits + gumbel_noise(logits.shape(), logits.dtype(), operand.where()), -1);
}

Tensor multinomial(Operand operand, int64_t count, bool replacement) {
  const Pin pin("multinomial", operand.where());
  const Tensor weights = operand.tensor();
  const int64_t classes = classes_of(pin, "weights", weights);
  const Ranges ranges = ranges_at("multinomial", operand.where());
  ranges.at_least(0, "count", count);
  const Tensor logits = log(weights);
  Shape shape = logits.shape();
  if (replacement) {
    shape.insert(shape.end() - 1, count);
    return argmax(expand_dims(logits, -2) + gumbel_noise(shape, logits.dtype(), operand.where()), -1);
  }
  ranges.require(count <= classes, "count",
                 fmt::format("at most {}, the classes, without replacement", classes), count);
  return top_k(logits + gumbel_noise(shape, logits.dtype(), operand.where()), count).positions;
}

Tensor sample(Operand operand, const SampleOptions& options) {
  const Pin pin("sample", operand.where());
  const Tensor logits = operand.tensor();
  classes_of(pin, "logits", logits);
  const std::optional<double> number = number_in(options.temperature);
  if (number) ranges_at("sample", operand.where()).not_negative("temperature", *number);
  if (number == 0) return argmax(logits, -1);
  const auto drawn = [&](const Tensor& scaled) {
    return categorical(keep_top_p(keep_top_k(scaled, options.top_k), options.top_p));
  };
  if (number) return drawn(number == 1 ? logits : logits / *number);
  const Tensor temperature = options.temperature.tensor();
  check_takes(pin, "temperature", temperature, logits.dtype(), {});
  const Tensor is_cold = temperature == 0;
  return where(is_cold, argmax(logits, -1), drawn(logits / where(is_cold, 1, temperature)));
}

}  // namespace sinter
