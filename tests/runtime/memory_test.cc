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

TEST(Memory, CountsWhatIsGivenOut) {
  const size_t before = allocated();
  {
    const Memory small = allocate(1000), large = allocate(size_t{5} << 20);
    EXPECT_GE(allocated() - before, (size_t{5} << 20) + 1000);
    EXPECT_LE(allocated() - before, size_t{9} << 20);
  }
  EXPECT_EQ(allocated(), before);
}

TEST(Memory, AnArenaIsAsLargeAsTheLargestNeeds) {
  Arena arena;
  std::byte* const small = arena.at_least(0);
  EXPECT_NE(small, nullptr);
  std::byte* const large = arena.at_least(size_t{5} << 20);
  const size_t bytes = allocated();
  EXPECT_EQ(arena.at_least(size_t{5} << 20), large);
  EXPECT_EQ(arena.at_least(64), large);
  EXPECT_EQ(allocated(), bytes);
  EXPECT_THROW(arena.at_least(SIZE_MAX), RuntimeError);
  EXPECT_NE(arena.at_least(64), nullptr);
  EXPECT_LT(allocated(), bytes);
}

}  // namespace
}  // namespace sinter::runtime
