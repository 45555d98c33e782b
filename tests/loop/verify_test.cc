#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/loop/program.h"

namespace sinter::loop {
namespace {

using testing::ThrowsMessage;

class VerifyTest : public testing::Test {
 protected:
  void expect_error(const Stmt& body, const std::string& message) const {
    const Kernel kernel{.name = "k", .arguments = {x_, y_}, .parts = {body}};
    EXPECT_THAT([&] { verify(kernel); }, ThrowsMessage<InternalError>("kernel k: " + message));
  }
  void expect_valid(const Stmt& body) const {
    EXPECT_NO_THROW(verify({.name = "k", .arguments = {x_, y_}, .parts = {body}}));
  }

  Stmt copy(const Expr& index) const { return store(y_, index, load(x_, index)); }
  Stmt over(LoopKind kind, const VariableRef& v, const Stmt& body, int64_t extent = 8) const {
    return loop(kind, v, integer(0), integer(extent), body);
  }

  BufferRef x_ = std::make_shared<const Buffer>(Buffer{"x", Type::f32, 64});
  BufferRef y_ =
      std::make_shared<const Buffer>(Buffer{.name = "y", .type = Type::f32, .size = 64, .written = true});
  BufferRef local_ = std::make_shared<const Buffer>(Buffer{"acc", Type::f32, 8, Space::local});
  BufferRef shared_ = std::make_shared<const Buffer>(Buffer{"tile", Type::f32, 8, Space::shared});
  VariableRef i_ = make_variable("i"), j_ = make_variable("j");
};

TEST_F(VerifyTest, AcceptsKernels) {
  expect_valid(
      over(LoopKind::parallel, i_, over(LoopKind::vector, j_, copy(variable(i_) * 8 + variable(j_)))));
  expect_valid(allocate(local_, over(LoopKind::parallel, i_, copy(variable(i_)))));
  expect_valid(over(LoopKind::workgroup, i_, allocate(shared_, over(LoopKind::lane, j_, barrier()))));
}

TEST_F(VerifyTest, KnowsWhatIsInScope) {
  expect_error(copy(variable(i_)), "i is not in scope");
  expect_error(block({over(LoopKind::serial, i_, copy(variable(i_))), copy(variable(i_))}),
               "i is not in scope");
  expect_error(over(LoopKind::serial, i_, over(LoopKind::serial, i_, barrier())),
               "i is bound inside its own scope");
  expect_error(store(local_, integer(0), number(0, Type::f32)), "acc is not in scope");
  expect_error(allocate(local_, allocate(local_, barrier())), "acc is allocated inside its own scope");
  expect_error(store(x_, integer(0), number(0, Type::f32)), "store to x, which is read only");
  expect_error(copy(integer(64)), "y[64] is out of bounds: it has 64 elements");
  // What is touched nowhere may lie anywhere.
  const Expr never = variable(i_) < integer(0);
  expect_valid(over(LoopKind::serial, i_, store(y_, integer(-1), load(x_, integer(64), never), never)));
}

TEST_F(VerifyTest, KnowsWhereLoopsMayStand) {
  expect_error(over(LoopKind::serial, i_, over(LoopKind::parallel, j_, copy(variable(j_)))),
               "the parallel loop over j is not at the root");
  expect_error(block({copy(integer(0)), over(LoopKind::parallel, j_, copy(variable(j_)))}),
               "the parallel loop over j is not at the root");
  expect_error(over(LoopKind::vector, i_, over(LoopKind::vector, j_, copy(variable(j_)))),
               "the vector loop over j is inside another");
  expect_error(over(LoopKind::lane, i_, copy(variable(i_))), "the lane loop over i is outside of workgroups");
  expect_error(over(LoopKind::workgroup, make_variable("g"),
                    block({over(LoopKind::lane, i_, barrier()), over(LoopKind::lane, j_, barrier(), 4)})),
               "the lane loop over j has 4 lanes, another one 8");
  expect_error(
      over(LoopKind::serial, i_, loop(LoopKind::unrolled, j_, integer(0), variable(i_), copy(variable(j_)))),
      "the extent i of the loop over j is not constant");
  expect_error(loop(LoopKind::serial, i_, integer(0), integer(8), copy(variable(i_)), integer(4)),
               "the loop over i has a limit but no lanes");
  expect_error(barrier(), "a barrier outside of workgroups");
  expect_error(over(LoopKind::workgroup, i_,
                    over(LoopKind::lane, j_, block({subgroup_barrier(2), subgroup_barrier(4)}))),
               "barriers of 2 and of 4 lanes");
  const Expr alone = apply(ScalarOp::subgroup_sum, {load(x_, variable(j_)), number(4, Type::f32)});
  expect_error(over(LoopKind::workgroup, i_, over(LoopKind::lane, j_, store(y_, variable(j_), alone))),
               "subgroup_sum of what other lanes do not see");
}

TEST_F(VerifyTest, KnowsWhatDiffersBetweenLanes) {
  const Expr i = variable(i_), x = load(x_, i);
  expect_error(over(LoopKind::vector, i_, store(y_, integer(0), x)),
               "store to y[0]: the lanes store different values to one element");
  expect_valid(over(LoopKind::vector, i_, store(y_, integer(0), apply(ScalarOp::lane_sum, {x}))));
  expect_valid(loop(LoopKind::vector, i_, integer(3), integer(1), store(y_, integer(0), x)));
  expect_error(over(LoopKind::vector, i_, branch(i < integer(4), copy(i))),
               "the condition i < 4 of a branch differs between lanes");
  expect_error(over(LoopKind::vector, i_, let(j_, i * 2, store(y_, integer(0), load(x_, variable(j_))))),
               "store to y[0]: the lanes store different values to one element");
  expect_error(over(LoopKind::serial, i_, store(y_, i, apply(ScalarOp::lane_sum, {x}))),
               "lane_sum outside of a vector loop");
}

}  // namespace
}  // namespace sinter::loop
