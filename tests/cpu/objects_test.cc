#include "backends/cpu/compile/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cpu/run_kernel.h"
#include "tests/runtime/scratch_folder.h"

// How a program is cut into pieces, and how these are kept on disk.
namespace sinter::cpu::test {
namespace {

constexpr int64_t kPartSize = 4096;

using PartBody = std::function<Stmt(const loop::BufferRef& x, const loop::BufferRef& y, const Expr& i)>;

Stmt triple(const loop::BufferRef& x, const loop::BufferRef& y, const Expr& i) {
  return loop::store(y, i, loop::load(x, i) * loop::number(3, Type::f32));
}
Stmt negate(const loop::BufferRef& x, const loop::BufferRef& y, const Expr& i) {
  return loop::store(y, i, loop::apply(ScalarOp::neg, {loop::load(x, i)}));
}

// A kernel with a part for each body, which has an input and an output.
loop::Kernel side_by_side(const std::vector<PartBody>& bodies) {
  KernelBuilder k;
  for (const PartBody& body : bodies) {
    const auto x = k.input(Type::f32, kPartSize), y = k.output(Type::f32, kPartSize);
    k.kernel.parts.push_back(parallel(kPartSize, [&](const Expr& i) { return body(x, y, i); }));
  }
  k.kernel.flops = 1e6;  // worth several threads
  return k.kernel;
}

std::vector<std::vector<float>> results_of(const loop::Kernel& kernel, int threads) {
  std::vector<std::vector<float>> memory;
  for (size_t i = 0; i < kernel.arguments.size(); ++i) {
    memory.emplace_back(kPartSize);
    for (size_t j = 0; j < kPartSize; ++j) memory.back()[j] = static_cast<float>(i * kPartSize + j);
  }
  std::vector<void*> arguments;
  for (auto& values : memory) arguments.push_back(raw(values));
  run(kernel, arguments, {.threads = threads});
  return memory;
}

TEST(Pieces, WhatIsSideBySideIsCompiledOnce) {
  const loop::Kernel kernel = side_by_side({triple, negate, triple});
  const Pieces pieces = cut(program_of(kernel));
  EXPECT_EQ(pieces.pieces.size(), 2u);
  ASSERT_EQ(pieces.parts[0].size(), 3u);
  EXPECT_EQ(pieces.parts[0][2].piece, pieces.parts[0][0].piece);
  EXPECT_THAT(pieces.parts[0][2].arguments, testing::UnorderedElementsAre(4, 5));
  EXPECT_EQ(pieces.parts[0][2].begin, 2 * kPartSize);
  for (int threads : {1, 3}) {
    const auto memory = results_of(kernel, threads);
    for (size_t part = 0; part < 3; ++part) {
      for (size_t j = 0; j < kPartSize; ++j) {
        const float x = memory[2 * part][j];
        ASSERT_EQ(memory[2 * part + 1][j], part == 1 ? -x : x * 3) << part << " " << j;
      }
    }
  }
}

TEST(Objects, AreFoundAgain) {
  const ScratchFolder folder;
  runtime::DiskCache cache(folder.path("cache"));
  const loop::Program program = program_of(side_by_side({triple, negate, triple}));
  const Objects cold = make_objects(program, host(), 2, cache);
  EXPECT_EQ(cold.compiled, 3u);  // two pieces and the entry
  EXPECT_EQ(cold.found, 0u);
  const Objects warm = make_objects(program, host(), 2, cache);
  EXPECT_EQ(warm.compiled, 0u);
  EXPECT_EQ(warm.found, 3u);
  EXPECT_EQ(warm.files, cold.files);
  EXPECT_EQ(warm.scratch_bytes, cold.scratch_bytes);
  // Other programs share their pieces, not their entry.
  const Objects other = make_objects(program_of(side_by_side({negate, triple})), host(), 1, cache);
  EXPECT_EQ(other.compiled, 1u);
  EXPECT_EQ(other.found, 2u);
}

TEST(Objects, OfOtherMachinesAreOthers) {
  const ScratchFolder folder;
  runtime::DiskCache cache(folder.path("cache"));
  const loop::Program program = program_of(side_by_side({triple, negate}));
  const Machine any = named("generic");
  EXPECT_EQ(make_objects(program, host(), 1, cache).compiled, 3u);
  EXPECT_EQ(make_objects(program, any, 1, cache).compiled, 3u);
  EXPECT_EQ(make_objects(program, any, 1, cache).found, 3u);
}

TEST(Objects, DamagedOnesAreMadeAgain) {
  const ScratchFolder folder;
  const loop::Program program = program_of(side_by_side({triple, negate}));
  runtime::DiskCache cache(folder.path("cache"));
  const Objects cold = make_objects(program, host(), 1, cache);
  for (const auto& file : std::filesystem::directory_iterator(folder.path("cache"))) {
    std::string bytes = runtime::read_file(file.path());
    bytes[bytes.size() / 2] ^= 1;
    runtime::write_file_atomically(file.path(), bytes);
  }
  const Objects again = make_objects(program, host(), 1, cache);
  EXPECT_EQ(again.compiled, 3u);
  EXPECT_EQ(again.files, cold.files);
}

TEST(Objects, OfAnyNumberOfThreadsAreTheSame) {
  runtime::DiskCache none("");
  const loop::Program program = program_of(side_by_side({triple, negate}));
  EXPECT_EQ(make_objects(program, host(), 1, none).files, make_objects(program, host(), 3, none).files);
  EXPECT_EQ(make_objects(program, host(), 1, none).found, 0u);
}

TEST(Objects, WhatMeetsInMemoryIsAnotherPiece) {
  const ScratchFolder folder;
  runtime::DiskCache cache(folder.path("cache"));
  loop::Program program = program_of(side_by_side({triple, negate}));
  for (loop::Slot& slot : program.slots) slot.kind = loop::Slot::Kind::arena;
  for (size_t i = 0; i < program.slots.size(); ++i)
    program.slots[i].offset = static_cast<int64_t>(i) * kPartSize * 4;
  EXPECT_EQ(make_objects(program, host(), 1, cache).compiled, 3u);
  program.slots[1].offset = 0;  // the first part computes in place
  EXPECT_EQ(make_objects(program, host(), 1, cache).compiled, 2u);
}

}  // namespace
}  // namespace sinter::cpu::test
