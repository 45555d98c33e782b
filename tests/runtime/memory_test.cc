#include "runtime/memory.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "runtime/error.h"

namespace sinter::runtime {
namespace {

TEST(Memory, BeginsAtACacheLine) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{64}, size_t{5} << 20}) {
    const Memory memory = allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.get()) % kCacheLine, 0u) << bytes;
  }
}

TEST(Memory, SaysHowMuchWasAskedForWhereThereIsNotAsMuch) {
  for (const size_t bytes : {SIZE_MAX, size_t{1} << 50}) {
    try {
      allocate(bytes);
      FAIL() << bytes;
    } catch (const RuntimeError& error) {
      EXPECT_EQ(std::string(error.what()),
                "not enough memory: " + std::to_string(bytes >> 20) + " MiB were asked for");
    }
  }
}

}  // namespace
}  // namespace sinter::runtime
