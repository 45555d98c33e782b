#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/graph/text/text.h"
#include "passes/pipeline.h"

// Kernels that do the same go through the schedules once.
namespace sinter::passes {
namespace {

loop::Program lowered(const char* text) {
  return lower(graph::parse(text), "f", {}, {});
}

TEST(SharedLoops, KeepTheirOwnNamesAndPlaces) {
  const loop::Program program = lowered(R"(func @f(%x: f32[8,8], %w: f32[8,8]) {
  %0: f32[8,8] = contract %x, %w {dims="ik,kj->ij"} @"a.cc":1 "one"
  %1: f32[8,8] = contract %0, %w {dims="ik,kj->ij"} @"b.cc":2 "two"
  return %1
})");
  ASSERT_EQ(program.kernels.size(), 2u);
  EXPECT_EQ(program.kernels[0].parts, program.kernels[1].parts);
  EXPECT_EQ(program.kernels[0].arguments, program.kernels[1].arguments);
  EXPECT_EQ(program.kernels[0].name, "contract at one");
  EXPECT_EQ(program.kernels[1].name, "contract at two");
  EXPECT_THAT(program.kernels[0].notes, testing::ElementsAre("contract a.cc:1, in one"));
  EXPECT_THAT(program.kernels[1].notes, testing::ElementsAre("contract b.cc:2, in two"));
  EXPECT_EQ(program.kernels[0].flops, program.kernels[1].flops);
}

TEST(SharedLoops, OtherShapesAndAttributesHaveTheirOwn) {
  const loop::Program program = lowered(R"(func @f(%x: f32[8,8], %w: f32[8,8], %v: f32[8,4]) {
  %0: f32[8,8] = contract %x, %w {dims="ik,kj->ij"}
  %1: f32[8,8] = contract %0, %w {dims="ik,jk->ij"}
  %2: f32[8,4] = contract %1, %v {dims="ik,kj->ij"}
  return %2
})");
  ASSERT_EQ(program.kernels.size(), 3u);
  EXPECT_NE(program.kernels[0].parts, program.kernels[1].parts);
  EXPECT_NE(program.kernels[0].parts, program.kernels[2].parts);
}

// Where a check fails is told by its site.
TEST(SharedLoops, ChecksHaveTheirOwn) {
  const loop::Program program = lowered(R"(func @f(%x: f32[8,8], %w: f32[8,8]) {
  %0: f32[8,8] = contract %x, %w {dims="ik,kj->ij"}
  %1: f32[8,8] = check_finite %0 {what="first"}
  %2: f32[8,8] = contract %1, %w {dims="ik,kj->ij"}
  %3: f32[8,8] = check_finite %2 {what="second"}
  return %3
})");
  ASSERT_EQ(program.faults.size(), 2u);
  EXPECT_EQ(program.faults[0].subject, "first");
  EXPECT_EQ(program.faults[1].subject, "second");
  for (size_t i = 1; i < program.kernels.size(); ++i)
    EXPECT_NE(program.kernels[0].parts, program.kernels[i].parts);
}

}  // namespace
}  // namespace sinter::passes
