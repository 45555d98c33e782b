#pragma once

#include <sinter/export.h>
#include <sinter/types.h>

#include <compare>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace SINTER_EXPORT sinter {

// An extent with a name that gets its size when a program is compiled or called: Dim batch{"batch"};
// Two of one name are the same.
struct Dim {
  Dim(std::string text);  // throws Error where it is not of letters, digits and '_'
  Dim(const char* text) : Dim(std::string(text)) {}

  std::string name;

  auto operator<=>(const Dim&) const = default;
};

// Sizes for Dims: {{batch, 32}}, or by name, {{"batch", 32}}.
using DimSizes = std::map<Dim, int64_t>;

// An extent of a tensor: a number, or (a * dim + b) / c of a Dim, written so: 2 * batch, (time - 1) / 2. The
// division is exact: where a size leaves a remainder, the use of the extent throws Error.
class Extent {
 public:
  template <std::integral T>
  Extent(T size) : offset_(static_cast<int64_t>(size)) {}
  Extent(const Dim& dim);

  const std::optional<Dim>& dim() const { return dim_; }  // none for a number
  std::string text() const;                               // "batch", "(time - 1)/2", "32"

  // What it is where the Dim has `size`; none where that is no whole number, or a negative one of a Dim.
  std::optional<int64_t> bound(int64_t size) const;
  // The size of the Dim with which the extent is `number`; none where there is none.
  std::optional<int64_t> solved(int64_t number) const;

  // Throw Error where a number does not fit 64 bits, or is divided by 0.
  Extent plus(int64_t number) const;
  Extent times(int64_t number) const;
  Extent divided_by(int64_t number) const;

 private:
  Extent(const std::optional<Dim>& dim, int64_t factor, int64_t offset, int64_t divisor);

  // (factor * dim + offset) / divisor, in lowest terms; without a Dim factor is 0.
  std::optional<Dim> dim_;
  int64_t factor_ = 0;
  int64_t offset_ = 0;
  int64_t divisor_ = 1;
};

template <std::integral T>
Extent operator+(const Extent& extent, T number) {
  return extent.plus(static_cast<int64_t>(number));
}
template <std::integral T>
Extent operator+(T number, const Extent& extent) {
  return extent.plus(static_cast<int64_t>(number));
}
template <std::integral T>
Extent operator-(const Extent& extent, T number) {
  return extent.times(-1).plus(static_cast<int64_t>(number)).times(-1);
}
template <std::integral T>
Extent operator-(T number, const Extent& extent) {
  return extent.times(-1).plus(static_cast<int64_t>(number));
}
template <std::integral T>
Extent operator*(const Extent& extent, T number) {
  return extent.times(static_cast<int64_t>(number));
}
template <std::integral T>
Extent operator*(T number, const Extent& extent) {
  return extent.times(static_cast<int64_t>(number));
}
template <std::integral T>
Extent operator/(const Extent& extent, T number) {
  return extent.divided_by(static_cast<int64_t>(number));
}

// The extents of a tensor: {batch, 10}, or another tensor's shape.
class Extents {
 public:
  Extents() = default;
  Extents(std::initializer_list<Extent> extents);
  Extents(std::vector<Extent> extents);
  Extents(const Shape& shape);

  size_t size() const { return all_.size(); }
  const Extent& operator[](size_t axis) const { return all_[axis]; }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }
  std::string text() const;  // "[batch,10]"

 private:
  std::vector<Extent> all_;
};

}  // namespace sinter
