#pragma once

#include <cstdint>

namespace sinter::runtime {

// Counter-based random numbers: Philox2x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). Every number is a pure function of (seed, step, key, salt, element):
//   philox key      = mix32(seed_low ^ mix32(seed_high ^ mix32(key)))
//   philox counter  = (element low 32 bits, mix32(step ^ mix32(salt ^ mix32(element high 32 bits))))
// `key` stands on the op since it was built; `salt` tells iterations of a loop apart (0 outside one).
struct RandomBits {
  uint32_t first;
  uint32_t second;
};

struct RandomStream {
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t key = 0;
  uint32_t salt = 0;
};

// The finaliser of MurmurHash3: a bijection on 32 bits.
constexpr uint32_t mix32(uint32_t x) {
  x ^= x >> 16;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  x *= 0xc2b2ae35u;
  x ^= x >> 16;
  return x;
}

constexpr RandomBits philox2x32(uint32_t counter0, uint32_t counter1, uint32_t key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product = static_cast<uint64_t>(0xd256d193u) * counter0;
    counter0 = static_cast<uint32_t>(product >> 32) ^ key ^ counter1;
    counter1 = static_cast<uint32_t>(product);
    key += 0x9e3779b9u;
  }
  return {counter0, counter1};
}

constexpr RandomBits random_bits(const RandomStream& stream, uint64_t element) {
  const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
  const auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
  const uint32_t key = mix32(low(stream.seed) ^ mix32(high(stream.seed) ^ mix32(stream.key)));
  const uint32_t counter1 = mix32(stream.step ^ mix32(stream.salt ^ mix32(high(element))));
  return philox2x32(low(element), counter1, key);
}

// In [0, 1): 24 bits in f32, 53 in f64.
constexpr float uniform_f32(RandomBits bits) {
  return static_cast<float>(bits.first >> 8) * 0x1p-24f;
}
constexpr double uniform_f64(RandomBits bits) {
  return (static_cast<double>(bits.first >> 5) * 0x1p26 + static_cast<double>(bits.second >> 6)) * 0x1p-53;
}

// Standard normal by Box and Muller: sqrt(-2 ln u) cos(2 pi v), u in (0, 1] and v in [0, 1) of 24 bits each.
float normal_f32(RandomBits bits);
double normal_f64(RandomBits bits);

}  // namespace sinter::runtime
