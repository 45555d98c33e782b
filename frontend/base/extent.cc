#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/extent.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <numeric>

namespace sinter {
namespace {

[[noreturn]] void too_large(const std::string& what) {
  throw Error(fmt::format("extent {}: the numbers are too large", what));
}

// (a * b + c) / d where d divides that and the result is no negative number.
std::optional<int64_t> whole(int64_t a, int64_t b, int64_t c, int64_t d) {
  int64_t n = 0;
  if (__builtin_mul_overflow(a, b, &n) || __builtin_add_overflow(n, c, &n)) return std::nullopt;
  if (n == std::numeric_limits<int64_t>::min() || n % d != 0 || n / d < 0) return std::nullopt;
  return n / d;
}

}  // namespace

Dim::Dim(std::string text) : name(std::move(text)) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  if (!name.empty() && std::all_of(name.begin(), name.end(), fits)) return;
  throw Error(fmt::format("'{}' does not name a Dim: letters, digits and '_' do", name));
}

Extent::Extent(const Dim& dim) : dim_(dim), factor_(1) {}

Extent::Extent(const std::optional<Dim>& dim, int64_t factor, int64_t offset, int64_t divisor)
    : dim_(dim), factor_(factor), offset_(offset), divisor_(divisor) {
  if (factor_ == 0) dim_.reset();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();  // has no absolute value
  if (factor_ == kLeast || offset_ == kLeast || divisor_ == kLeast) too_large(text());
  const int64_t common = std::gcd(std::gcd(factor_, offset_), divisor_);
  const int64_t by = divisor_ < 0 ? -common : common;
  factor_ /= by;
  offset_ /= by;
  divisor_ /= by;
}

std::string Extent::text() const {
  std::string sum;
  if (dim_) {
    if (factor_ == -1) sum = "-";
    if (factor_ != 1 && factor_ != -1) sum = fmt::format("{}*", factor_);
    sum += dim_->name;
    if (offset_ > 0) sum += fmt::format(" + {}", offset_);
    if (offset_ < 0) sum += fmt::format(" - {}", fmt::format("{}", offset_).substr(1));
  } else {
    sum = fmt::format("{}", offset_);
  }
  if (divisor_ == 1) return sum;
  return dim_ && offset_ != 0 ? fmt::format("({})/{}", sum, divisor_) : fmt::format("{}/{}", sum, divisor_);
}

std::optional<int64_t> Extent::bound(int64_t size) const {
  if (!dim_ && divisor_ == 1) return offset_;
  return whole(factor_, size, offset_, divisor_);
}

std::optional<int64_t> Extent::solved(int64_t number) const {
  if (!dim_) return std::nullopt;
  return whole(number, divisor_, -offset_, factor_);
}

Extent Extent::plus(int64_t number) const {
  int64_t sum = 0;
  if (__builtin_mul_overflow(number, divisor_, &sum) || __builtin_add_overflow(sum, offset_, &sum)) {
    too_large(fmt::format("{} + {}", text(), number));
  }
  return {dim_, factor_, sum, divisor_};
}

Extent Extent::times(int64_t number) const {
  int64_t factor = 0, offset = 0;
  if (__builtin_mul_overflow(factor_, number, &factor) || __builtin_mul_overflow(offset_, number, &offset)) {
    too_large(fmt::format("({}) * {}", text(), number));
  }
  return {dim_, factor, offset, divisor_};
}

Extent Extent::divided_by(int64_t number) const {
  if (number == 0) throw Error(fmt::format("extent {}: division by 0", text()));
  int64_t divisor = 0;
  if (__builtin_mul_overflow(divisor_, number, &divisor)) too_large(fmt::format("({})/{}", text(), number));
  return {dim_, factor_, offset_, divisor};
}

Extents::Extents(std::initializer_list<Extent> extents) : all_(extents) {}
Extents::Extents(std::vector<Extent> extents) : all_(std::move(extents)) {}
Extents::Extents(const Shape& shape) : all_(shape.begin(), shape.end()) {}

std::string Extents::text() const {
  std::string list;
  for (const Extent& extent : all_) list += (list.empty() ? "" : ",") + extent.text();
  return "[" + list + "]";
}

}  // namespace sinter
