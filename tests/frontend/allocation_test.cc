#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/frontend/evaluate.h"

namespace {

std::atomic<int64_t> allocations{0};

void* counted(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t size) {
  return counted(size);
}
void* operator new[](size_t size) {
  return counted(size);
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
// GCC takes what it inlines to be another pair than new and delete.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}

namespace sinter {
namespace {

TEST(Allocation, ATrainingStepMakesNone) {
  nn::Module root;
  nn::Linear hidden(root, "hidden", 8, 16), classes(root, "classes", 16, 5);
  AdamW optimizer;
  Program program;
  program.add("train", {{"x", f32, {4, 8}}, {"labels", i32, {4}}},
              [&](const Inputs& in) -> Outputs {
                const Tensor loss = cross_entropy(classes(relu(hidden(in["x"]))), in["labels"]);
                return {{"loss", optimizer.minimize(loss, {.clip_norm = 1}).loss}};
              },
              {.training = true});
  program.compile({.device = "cpu", .threads = 2});
  Function step = program.function("train");
  step.run();
  const float first = step.value<float>("loss");
  const int64_t before = allocations;
  for (int i = 0; i < 10; ++i) step.run();
  EXPECT_EQ(allocations, before);
  EXPECT_LT(step.value<float>("loss"), first);
}

}  // namespace
}  // namespace sinter
