#pragma once

#include <cstddef>
#include <memory>

namespace sinter::runtime {

struct Free {
  size_t bytes = 0;
  void operator()(void* memory) const;
};
using Memory = std::unique_ptr<std::byte, Free>;

// At least `bytes`, and never none, from the start of a cache line, to its end; where it is large, in huge
// pages if the system has them, which spares misses of the address cache. What lies in it is undefined.
// Throws RuntimeError where there is not as much.
Memory allocate(size_t bytes);
size_t allocated();  // bytes that are given out now, in this process

// Memory of calls that run one after the other, each of which finds in it what the one before has left: as
// large as the largest needs.
class Arena {
 public:
  // At least `bytes`. Where it has to grow, what it was is given back first.
  std::byte* at_least(size_t bytes) {
    if (memory_ == nullptr || bytes > memory_.get_deleter().bytes) grow(bytes);
    return memory_.get();
  }

 private:
  void grow(size_t bytes);

  Memory memory_;
};

inline constexpr size_t kCacheLine = 64;

}  // namespace sinter::runtime
