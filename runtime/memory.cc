#include "runtime/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace sinter::runtime {

namespace {

constexpr size_t kHugePage = 2 << 20;

}  // namespace

void Free::operator()(void* memory) const {
  std::free(memory);
}

Memory allocate(size_t bytes) {
  const size_t alignment = bytes < 2 * kHugePage ? kCacheLine : kHugePage;
  const size_t size = (bytes / alignment + 1) * alignment;
  void* memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
  if (alignment == kHugePage) madvise(memory, size, MADV_HUGEPAGE);
  return Memory(static_cast<std::byte*>(memory));
}

}  // namespace sinter::runtime
