#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"

// Where values of a program lie: what loop::verify() finds of a program.
namespace sinter::test {
namespace {

constexpr const char* kText = R"(func @step(%h: f32[8], %x: f32[8]) {
  %0: f32[8] = tanh %h
  %1: f32[8] = add %0, %x
  return next=%1
}

func @f(%h: f32[8], %xs: f32[5,8]) {
  %0: f32[8] = scan %h, %xs {carries=1, constants=0, function="step", length=5, reverse=false}
  return last=%0
}
)";

std::string error_of(const loop::Program& program) {
  try {
    loop::verify(program);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "";
}

loop::Program placed() {
  return passes::lower(graph::parse(kText), "f", loop::Target{}, {});
}

loop::Slot& arena_slot(loop::Program& program, size_t which) {
  for (loop::Slot& slot : program.slots) {
    if (slot.kind == loop::Slot::Kind::arena && which-- == 0) return slot;
  }
  throw std::out_of_range("the arena has fewer");
}

TEST(Places, AreVerified) {
  const loop::Program good = placed();
  EXPECT_EQ(error_of(good), "");

  loop::Program shared = good;
  arena_slot(shared, 1).offset = arena_slot(shared, 0).offset + 4;
  EXPECT_EQ(error_of(shared), "the slot of tanh+add shares memory with carry of step");

  loop::Program beyond = good;
  beyond.arena_bytes = 4;
  EXPECT_EQ(error_of(beyond), "the slot of carry of step is beyond the arena");

  // The last of the loop's turns.
  loop::Program late = good;
  for (loop::Step& step : late.steps) {
    if (step.kind == loop::Step::Kind::repeat) step.count = 6;
  }
  EXPECT_EQ(error_of(late), "the slot of xs is no place for argument 1 of tanh+add");

  loop::Program fewer = good;
  fewer.steps[0].arguments.pop_back();
  EXPECT_EQ(error_of(fewer), "copy takes 2 arguments, got 1");
}

}  // namespace
}  // namespace sinter::test
