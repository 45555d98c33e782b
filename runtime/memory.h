#pragma once

#include <cstddef>
#include <memory>

namespace sinter::runtime {

struct Free {
  void operator()(void* memory) const;
};
using Memory = std::unique_ptr<std::byte, Free>;

// At least `bytes`, and never none, from the start of a cache line, to its end; where it is large, in huge
// pages if the system has them, which spares misses of the address cache. What lies in it is undefined.
// Throws RuntimeError where there is not as much.
Memory allocate(size_t bytes);

inline constexpr size_t kCacheLine = 64;

}  // namespace sinter::runtime
