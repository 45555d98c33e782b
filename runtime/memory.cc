#include "runtime/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>

#include "runtime/error.h"

namespace sinter::runtime {

namespace {

constexpr size_t kHugePage = 2 << 20;
constexpr size_t kAddresses = size_t{1} << 47;  // that a process has on the usual machines

std::atomic<size_t> given_out = 0;

}  // namespace

void Free::operator()(void* memory) const {
  std::free(memory);
  given_out -= bytes;
}

Memory allocate(size_t bytes) {
  const auto refuse = [&] {
    throw RuntimeError(fmt::format("not enough memory: {} MiB were asked for", bytes >> 20));
  };
  if (bytes > kAddresses) refuse();
  const size_t alignment = bytes < 2 * kHugePage ? kCacheLine : kHugePage;
  const size_t size = (bytes / alignment + 1) * alignment;
  void* memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) refuse();
  if (alignment == kHugePage) madvise(memory, size, MADV_HUGEPAGE);
  given_out += size;
  return {static_cast<std::byte*>(memory), Free{size}};
}

size_t allocated() {
  return given_out;
}

void Arena::grow(size_t bytes) {
  memory_.reset();
  memory_ = allocate(bytes);
}

}  // namespace sinter::runtime
