#pragma once

#include <cstdint>
#include <utility>

#include "runtime/random.h"

namespace sinter {

// The numbers 0 to size - 1 in an order that depends on the key alone, each found by itself, so that it takes
// no memory: a Feistel network over the next power of four, from 256 on, walked until it comes back among
// them (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).
class Permutation {
 public:
  Permutation(uint64_t size, const runtime::RandomStream& key) : size_(size), key_(key) {
    while (half_bits_ < 32 && uint64_t{1} << 2 * half_bits_ < size) ++half_bits_;
  }

  uint64_t operator()(uint64_t place) const {
    do place = encrypted(place);
    while (place >= size_);
    return place;
  }

 private:
  static constexpr uint64_t kRounds = 8;

  uint64_t encrypted(uint64_t block) const {
    const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
    uint64_t left = block >> half_bits_, right = block & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t mixed = runtime::random_bits(key_, round << 32 | right).first;
      left = std::exchange(right, left ^ (mixed & mask));
    }
    return left << half_bits_ | right;
  }

  uint64_t size_;
  runtime::RandomStream key_;
  int half_bits_ = 4;  // of fewer numbers the orders would not be equally likely
};

}  // namespace sinter
