#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

namespace sinter::fuzz {

// The same choices for a seed wherever it runs. Calls stand in statements of their own, since compilers
// evaluate arguments in different orders.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  int64_t below(int64_t bound) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound)); }
  int64_t between(int64_t least, int64_t most) { return least + below(most - least + 1); }
  bool one_in(int64_t n) { return below(n) == 0; }
  double unit() { return static_cast<double>(random_() >> 11) * 0x1p-53; }  // [0, 1)

  template <typename T>
  T of(std::initializer_list<T> values) {
    return values.begin()[below(static_cast<int64_t>(values.size()))];
  }
  template <typename T>
  T of(const std::vector<T>& values) {
    return values[static_cast<size_t>(below(static_cast<int64_t>(values.size())))];
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) {
      const auto other = static_cast<size_t>(below(static_cast<int64_t>(i)));
      std::swap(values[i - 1], values[other]);
    }
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace sinter::fuzz
