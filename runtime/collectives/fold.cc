#include "runtime/collectives/fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "runtime/collectives/tree.h"
#include "runtime/error.h"

namespace sinter::runtime {
namespace {

constexpr int64_t kChunk = 1024;  // elements

template <typename T>
struct Sum {
  static T begin(T x) { return of(T{0}, x); }
  static T of(T x, T y) {
    if constexpr (std::is_integral_v<T>) {
      using Unsigned = std::make_unsigned_t<T>;  // wraps around
      return static_cast<T>(static_cast<Unsigned>(x) + static_cast<Unsigned>(y));
    } else {
      return x + y;
    }
  }
};
template <typename T>
struct Max {
  static T begin(T x) { return x; }
  static T of(T x, T y) { return x >= y || x != x ? x : y; }
};
template <typename T>
struct Min {
  static T begin(T x) { return x; }
  static T of(T x, T y) { return x <= y || x != x ? x : y; }
};

// Elements as they came: in a message they may begin at any byte.
template <typename T>
class Elements {
 public:
  explicit Elements(const void* first) : first_(static_cast<const std::byte*>(first)) {}
  T operator[](int64_t e) const {
    T x;
    std::memcpy(&x, first_ + e * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return x;
  }

 private:
  const std::byte* first_;
};

template <typename T, typename Operation>
class Folder {
 public:
  Folder(std::span<const int64_t> additions, std::span<const void* const> pieces)
      : additions_(additions), pieces_(pieces) {
    size_t depth = 0, most = 0;
    for (const int64_t addition : additions) {
      depth = addition == kAdd ? depth - 1 : depth + 1;
      most = std::max(most, depth);
    }
    stack_.resize(most * kChunk);
  }

  void fold(int64_t elements, T* result) {
    for (int64_t begin = 0; begin < elements; begin += kChunk) {
      // A loop of constant length is vectorized.
      if (elements - begin >= kChunk) {
        chunk(begin, std::integral_constant<int64_t, kChunk>(), result);
      } else {
        chunk(begin, elements - begin, result);
      }
    }
  }

 private:
  template <typename Count>
  void chunk(int64_t begin, Count count, T* result) {
    T* top = stack_.data() - kChunk;
    for (size_t i = 0; i < additions_.size(); ++i) {
      if (additions_[i] == kAdd) {
        top -= kChunk;
        for (int64_t e = 0; e < count; ++e) top[e] = Operation::of(top[e], top[e + kChunk]);
        continue;
      }
      const Elements<T> piece(pieces_[static_cast<size_t>(additions_[i])]);
      if (i + 1 < additions_.size() && additions_[i + 1] == kAdd) {
        for (int64_t e = 0; e < count; ++e) top[e] = Operation::of(top[e], piece[begin + e]);
        ++i;
      } else {
        top += kChunk;
        for (int64_t e = 0; e < count; ++e) top[e] = Operation::begin(piece[begin + e]);
      }
    }
    for (int64_t e = 0; e < count; ++e) {
      if constexpr (std::is_floating_point_v<T>) {
        result[begin + e] = top[e] == top[e] ? top[e] : std::numeric_limits<T>::quiet_NaN();
      } else {
        result[begin + e] = top[e];
      }
    }
  }

  std::span<const int64_t> additions_;
  std::span<const void* const> pieces_;
  std::vector<T> stack_;
};

template <typename T>
void fold_as(Fold fold, int64_t elements, std::span<const int64_t> additions,
             std::span<const void* const> pieces, void* result) {
  T* to = static_cast<T*>(result);
  switch (fold) {
    case Fold::sum:
      return Folder<T, Sum<T>>(additions, pieces).fold(elements, to);
    case Fold::max:
      return Folder<T, Max<T>>(additions, pieces).fold(elements, to);
    case Fold::min:
      return Folder<T, Min<T>>(additions, pieces).fold(elements, to);
  }
}

}  // namespace

void fold_pieces(DType type, Fold fold, int64_t elements, std::span<const int64_t> additions,
                 std::span<const void* const> pieces, void* result, FloatMode mode) {
  const FloatModeScope scope(mode);
  switch (type) {
    case DType::f32:
      return fold_as<float>(fold, elements, additions, pieces, result);
    case DType::f64:
      return fold_as<double>(fold, elements, additions, pieces, result);
    case DType::i32:
      return fold_as<int32_t>(fold, elements, additions, pieces, result);
    case DType::i64:
      return fold_as<int64_t>(fold, elements, additions, pieces, result);
    case DType::boolean:
      if (fold != Fold::sum) return fold_as<uint8_t>(fold, elements, additions, pieces, result);
      break;
    case DType::f16:
    case DType::bf16:
      break;
  }
  throw RuntimeError(
      fmt::format("processes cannot {} values of {}", fold == Fold::sum ? "add" : "compare", name(type)));
}

}  // namespace sinter::runtime
