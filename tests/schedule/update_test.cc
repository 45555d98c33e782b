#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "ir/graph/text/text.h"
#include "ir/loop/interpreter.h"
#include "passes/pipeline.h"

// Blocks that are put into states, in the interpreter, on threads and in workgroups.
namespace sinter::test {
namespace {

std::vector<loop::Target> machines_of_updates() {
  loop::Target gpu;
  gpu.kind = loop::Target::Kind::gpu;
  gpu.unit_vectors = 1;
  gpu.local_bytes = 1024;
  gpu.subgroup_size = 32;
  gpu.shared_bytes = 32 << 10;
  gpu.max_workgroup_size = 256;
  gpu.max_workgroups = 65535;
  return {loop::Target{}, gpu};
}

// x [3,7,5] with a block, twice what is given, from (first, second, 0) on.
std::string text_of_update(int64_t rows, int64_t columns) {
  return fmt::format(R"(state @x: f32[3,7,5]

func @f(%block: f32[{0},{1},5], %first: i32[], %second: i32[]) {{
  %0: i32[] = constant {{dtype=i32, shape=[], value=0}}
  %1: f32[3,7,5] = read {{state="x"}}
  %2: f32[{0},{1},5] = add %block, %block
  %3: f32[3,7,5] = dynamic_update %1, %2, %first, %second, %0
  write %3 {{state="x"}}
  return
}}
)",
                     rows, columns);
}

void expect_update(const loop::Target& target, int64_t rows, int64_t columns, int32_t first, int32_t second) {
  const loop::Program program = passes::lower(graph::parse(text_of_update(rows, columns)), "f", target, {});
  ASSERT_EQ(program.kernels.size(), 1u);
  EXPECT_EQ(program.kernels[0].anchor, "update");
  EXPECT_EQ(program.arena_bytes, 0);
  std::vector<float> block(static_cast<size_t>(rows * columns * 5)), x(3 * 7 * 5);
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<float>(i) + 1;
  for (size_t i = 0; i < x.size(); ++i) x[i] = -static_cast<float>(i);
  std::vector<float> expected = x;
  const int64_t top = std::clamp<int64_t>(first, 0, 3 - rows),
                left = std::clamp<int64_t>(second, 0, 7 - columns);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns * 5; ++j) {
      expected[static_cast<size_t>(((top + i) * 7 + left) * 5 + j)] =
          2 * block[static_cast<size_t>(i * columns * 5 + j)];
    }
  }
  const std::vector<void*> inputs = {block.data(), &first, &second};
  std::vector<void*> slots;
  for (const loop::Slot& slot : program.slots) {
    slots.push_back(slot.kind == loop::Slot::Kind::state ? static_cast<void*>(x.data())
                                                         : inputs.at(static_cast<size_t>(slot.ordinal)));
  }
  loop::interpret(program, slots, {});
  EXPECT_EQ(x, expected);
}

TEST(Update, WritesItsBlockAlone) {
  for (const loop::Target& target : machines_of_updates()) {
    for (const auto& [first, second] : {std::pair{0, 0}, {1, 3}, {2, 6}, {-5, 100}}) {
      expect_update(target, 1, 1, first, second);
      expect_update(target, 3, 1, first, second);
      expect_update(target, 2, 4, first, second);
      expect_update(target, 3, 7, first, second);
    }
  }
}

}  // namespace
}  // namespace sinter::test
