#include "ir/loop/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "ir/error.h"
#include "ir/loop/interpreter.h"

namespace sinter::loop {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

const BufferRef kOut =
    std::make_shared<const Buffer>(Buffer{.name = "y", .type = Type::f32, .size = 8, .written = true});
const BufferRef kOwn =
    std::make_shared<const Buffer>(Buffer{.name = "t", .type = Type::f32, .size = 1, .space = Space::local});

// y[first + i] = value for i = 0 .. units - 1.
Stmt fill(int64_t first, int64_t units, double value, const char* name = "i") {
  const auto i = make_variable(name);
  return loop(LoopKind::parallel, i, integer(0), integer(units),
              store(kOut, variable(i) + first, number(value, Type::f32)));
}

Kernel kernel_of(std::vector<Stmt> parts) {
  return {.name = "k", .arguments = {kOut}, .parts = std::move(parts)};
}

std::array<float, 8> run(const Kernel& kernel) {
  std::array<float, 8> memory{};
  void* const arguments[] = {memory.data()};
  verify(kernel);
  interpret(kernel, arguments);
  return memory;
}

TEST(Parts, HaveUnits) {
  const Stmt one = store(kOut, integer(7), number(3, Type::f32));
  EXPECT_EQ(units_of(fill(0, 4, 1)), 4);
  EXPECT_EQ(units_of(one), 1);
  EXPECT_EQ(units_of(allocate(kOwn, fill(0, 4, 1))), 4);
  EXPECT_EQ(units_of(kernel_of({fill(0, 4, 1), fill(4, 3, 2), one})), 8);
}

TEST(Parts, RunSideBySide) {
  const Stmt one = store(kOut, integer(7), number(3, Type::f32));
  const std::vector<Stmt> parts = {fill(0, 4, 1), fill(4, 3, 2), one};
  EXPECT_THAT(run(kernel_of(parts)), ElementsAre(1, 1, 1, 1, 2, 2, 2, 3));
  EXPECT_THAT(run(kernel_of({in_one_loop(parts)})), ElementsAre(1, 1, 1, 1, 2, 2, 2, 3));
}

TEST(Parts, InOneLoop) {
  const std::vector<Stmt> parts = {fill(0, 4, 1, "a"), allocate(kOwn, fill(4, 3, 2, "b"))};
  EXPECT_EQ(print(in_one_loop(parts)), R"(parallel for unit in 0..7:
  if unit < 4:
    let a: index = unit
    y[a] = 1.0
  else:
    local t: f32[1]
    let b: index = unit - 4
    y[b + 4] = 2.0
)");
  EXPECT_EQ(in_one_loop({parts[0]}), parts[0]);
}

TEST(Parts, Print) {
  EXPECT_EQ(print(kernel_of({fill(0, 4, 1), fill(4, 3, 2)})), R"(kernel k(out y: f32[8]):
  part:
    parallel for i in 0..4:
      y[i] = 1.0
  part:
    parallel for i in 0..3:
      y[i + 4] = 2.0
)");
}

// No order stands between parts.
TEST(Parts, MayNotRace) {
  EXPECT_THAT(
      [] {
        run(kernel_of({fill(0, 4, 1), fill(3, 4, 2)}));
      },
      ThrowsMessage<InternalError>(testing::HasSubstr("y[3]")));
}

}  // namespace
}  // namespace sinter::loop
