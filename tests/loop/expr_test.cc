#include "ir/loop/expr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "ir/error.h"
#include "ir/loop/scalar.h"

namespace sinter::loop {
namespace {

using testing::HasSubstr;
using testing::Throws;
using testing::ThrowsMessage;

class ExprTest : public testing::Test {
 protected:
  BufferRef x_ = std::make_shared<const Buffer>(Buffer{"x", Type::f32, 64});
  Expr i_ = variable(make_variable("i")), j_ = variable(make_variable("j"));
  Expr n_ = variable(make_variable("n", Type::i32));
};

TEST_F(ExprTest, FoldsIntegerConstants) {
  EXPECT_EQ(print(integer(6) * 7 + 1), "43");
  EXPECT_EQ(print(integer(7) / 2 + integer(7) % 4), "6");
  EXPECT_EQ(print(integer(3) < integer(4)), "true");
  EXPECT_EQ(print(integer(2147483647, Type::i32) + 1), "i32(-2147483648)");
  EXPECT_EQ(print(integer(-7, Type::i32) / 2), "i32(-4)");
  EXPECT_EQ(print(apply(ScalarOp::mul_high, {integer(-1, Type::i32), integer(-1, Type::i32)})), "i32(-2)");
  EXPECT_EQ(print(apply_as(ScalarOp::to_unsigned, Type::i64, {integer(-1, Type::i32)})), "i64(4294967295)");
  EXPECT_EQ(print(apply_as(ScalarOp::to_unsigned, Type::f32, {integer(-1, Type::i32)})), "4294967300.0");
}

TEST_F(ExprTest, DropsWhatChangesNothing) {
  EXPECT_EQ(print(i_ + 0), "i");
  EXPECT_EQ(print(integer(0) + i_), "i");
  EXPECT_EQ(print(i_ * 1), "i");
  EXPECT_EQ(print(i_ * 0), "0");
  EXPECT_EQ(print(i_ - i_), "0");
  EXPECT_EQ(print(i_ / 1), "i");
  EXPECT_EQ(print(i_ % 1), "0");
  EXPECT_EQ(print(n_ + 0), "n");
}

TEST_F(ExprTest, GathersConstantsOfSumsAndProducts) {
  EXPECT_EQ(print(i_ + 3 + 4), "i + 7");
  EXPECT_EQ(print(i_ + 3 - 4), "i - 1");
  EXPECT_EQ(print((i_ + 3) + (j_ + 4)), "i + j + 7");
  EXPECT_EQ(print((i_ + 3) - (j_ + 4)), "i - j - 1");
  EXPECT_EQ(print(integer(2) * (i_ * 4)), "i*8");
  EXPECT_EQ(print((i_ + 2) * 4), "i*4 + 8");
}

TEST_F(ExprTest, DividesWhatDividesEvenly) {
  EXPECT_EQ(print(i_ * 8 / 8), "i");
  EXPECT_EQ(print(i_ * 8 / 4), "i*2");
  EXPECT_EQ(print(i_ * 4 / 8), "i/2");
  EXPECT_EQ(print(i_ / 4 / 2), "i/8");
  EXPECT_EQ(print((i_ * 8 + 5) / 8), "i");
  EXPECT_EQ(print((i_ * 8 + j_ % 8) / 8), "i");
  EXPECT_EQ(print((i_ * 8 + j_ % 8) % 8), "j%8");
  EXPECT_EQ(print((i_ * 8 + j_ % 24) % 8), "j%8");
  EXPECT_EQ(print(i_ % 24 % 8), "i%8");
  EXPECT_EQ(print(i_ % 8 / 8), "0");
  // Nothing is known of j: the rest might be negative or large.
  EXPECT_EQ(print((i_ * 8 + j_) / 8), "(i*8 + j)/8");
}

// i32 wraps around: a product divided is not the factor.
TEST_F(ExprTest, LeavesDivisionsThatMightOverflow) {
  EXPECT_EQ(print(n_ * 8 / 8), "n*i32(8)/i32(8)");
}

TEST_F(ExprTest, FoldsLogic) {
  const Expr p = i_ < j_;
  EXPECT_EQ((p && Expr()).get(), p.get());
  EXPECT_EQ((Expr() && p).get(), p.get());
  EXPECT_EQ((p && boolean(true)).get(), p.get());
  EXPECT_EQ(print(p && boolean(false)), "false");
  EXPECT_EQ(print(p || boolean(true)), "true");
  EXPECT_EQ(print(select(boolean(false), i_, j_)), "j");
  EXPECT_EQ(print(select(p, i_, i_)), "i");
  EXPECT_EQ(print(i_ >= i_), "true");
  EXPECT_EQ(print(apply(ScalarOp::logical_not, {apply(ScalarOp::logical_not, {p})})), "i < j");
}

TEST_F(ExprTest, NeverChangesFloatingArithmetic) {
  const Expr x = load(x_, i_), zero = number(0, Type::f32), one = number(1, Type::f32);
  EXPECT_EQ(print(x + zero), "x[i] + 0.0");
  EXPECT_EQ(print(zero * x), "0.0*x[i]");
  EXPECT_EQ(print(x * one), "x[i]*1.0");
  EXPECT_EQ(print(one + one), "1.0 + 1.0");
  EXPECT_EQ(print(x - x), "x[i] - x[i]");
  EXPECT_EQ(print(x == x), "x[i] == x[i]");
}

TEST_F(ExprTest, FoldsCasts) {
  EXPECT_EQ(print(cast(integer(3), Type::f32)), "3.0");
  EXPECT_EQ(print(cast(number(-2.7, Type::f64), Type::i32)), "i32(-2)");
  EXPECT_EQ(print(cast(number(1e30, Type::f64), Type::i32)), "i32(2147483647)");
  EXPECT_EQ(cast(i_, Type::index).get(), i_.get());
  EXPECT_EQ(print(cast(i_, Type::f32)), "f32(i)");
  EXPECT_EQ(print(bitcast(number(1, Type::f32), Type::i32)), "i32(1065353216)");
  EXPECT_EQ(print(bitcast(load(x_, i_), Type::i32)), "bitcast_i32(x[i])");
  EXPECT_EQ(print(constant(2, Type::boolean)), "true");
}

TEST_F(ExprTest, PrintsWithFewParentheses) {
  EXPECT_EQ(print((i_ + j_) * (i_ - (j_ - i_))), "(i + j)*(i - (j - i))");
  EXPECT_EQ(print(i_ / 3 % 4 * j_), "i/3%4*j");
  EXPECT_EQ(print(i_ * (j_ * i_)), "i*(j*i)");
  EXPECT_EQ(print((i_ < j_ && j_ < i_) || i_ == j_), "i < j && j < i || i == j");
  EXPECT_EQ(print(load(x_, i_, i_ < j_)), "x[i if i < j]");
  EXPECT_EQ(print(apply(ScalarOp::fma, {load(x_, i_), number(0.1, Type::f32), load(x_, j_)})),
            "fma(x[i], 0.1, x[j])");
  EXPECT_EQ(print(number(1, Type::f64)), "f64(1.0)");
  EXPECT_EQ(print(number(-std::numeric_limits<double>::infinity(), Type::f32)), "-inf");
  EXPECT_EQ(print(context(ContextValue::seed_high)), "seed_high");
}

TEST_F(ExprTest, PrintsOnceWhatIsLongAndShared) {
  Expr x = load(x_, i_);
  for (int k = 0; k < 100; ++k) x = x * x;
  const std::string text = print(x);
  EXPECT_LT(text.size(), 3000u);
  EXPECT_THAT(text, HasSubstr("$1 = $0*$0; "));
}

TEST_F(ExprTest, RefusesWrongTypes) {
  EXPECT_THAT([&] { i_ + n_; }, ThrowsMessage<InternalError>("add does not take (index, i32)"));
  EXPECT_THAT([&] { apply(ScalarOp::exp, {i_}); }, ThrowsMessage<InternalError>("exp does not take (index)"));
  EXPECT_THAT([&] { load(x_, n_); },
              ThrowsMessage<InternalError>("index of a load from x is i32, not index"));
  EXPECT_THAT([&] { bitcast(n_, Type::f64); }, ThrowsMessage<InternalError>("bitcast from i32 to f64"));
  EXPECT_THAT([&] { from_graph(graph::DType::bf16); },
              ThrowsMessage<GraphError>("no kernel computes in bf16"));
}

double floating(ScalarOp op, double x, double y = 0) {
  return evaluate(op, Type::f32, Type::f32, std::array{Scalar{.number = x}, Scalar{.number = y}}).number;
}

int64_t integral(ScalarOp op, int64_t x, int64_t y = 0, Type type = Type::i32) {
  return evaluate(op, type, type, std::array{Scalar{.integer = x}, Scalar{.integer = y}}).integer;
}

TEST(Scalar, FollowsTheGraphsSemantics) {
  EXPECT_EQ(integral(ScalarOp::div, -7, 2), -4);
  EXPECT_EQ(integral(ScalarOp::rem, -7, 2), 1);
  EXPECT_EQ(integral(ScalarOp::rem, 7, -2), -1);
  EXPECT_EQ(integral(ScalarOp::div, 7, 0), 0);
  EXPECT_EQ(integral(ScalarOp::rem, 7, 0), 0);
  EXPECT_EQ(integral(ScalarOp::div, INT32_MIN, -1), INT32_MIN);
  EXPECT_EQ(integral(ScalarOp::abs, INT32_MIN), INT32_MIN);
  EXPECT_EQ(integral(ScalarOp::pow, 3, 40), static_cast<int32_t>(12157665459056928801u));
  EXPECT_EQ(integral(ScalarOp::pow, -1, -3), -1);
  EXPECT_EQ(integral(ScalarOp::pow, 0, -3), 0);
  EXPECT_EQ(integral(ScalarOp::logical_not, 5), -6);
  EXPECT_EQ(integral(ScalarOp::logical_not, 1, 0, Type::boolean), 0);
  EXPECT_EQ(integral(ScalarOp::shift_right, -1, 28), 15);
  EXPECT_EQ(integral(ScalarOp::shift_left, 1, 31), INT32_MIN);
  EXPECT_EQ(floating(ScalarOp::rem, -7, 2), 1);
  EXPECT_TRUE(std::signbit(floating(ScalarOp::rem, 4, -2)));
  EXPECT_EQ(floating(ScalarOp::round, 2.5), 2);
  EXPECT_TRUE(std::isnan(floating(ScalarOp::max, NAN, 1)));
  EXPECT_TRUE(std::isnan(floating(ScalarOp::min, 1, NAN)));
  EXPECT_TRUE(std::isnan(floating(ScalarOp::sign, NAN)));
  EXPECT_EQ(floating(ScalarOp::exp, 1), static_cast<double>(std::exp(1.0f)));
  EXPECT_EQ(evaluate_cast({.number = NAN}, Type::f32, Type::i64).integer, 0);
  EXPECT_EQ(evaluate_cast({.number = -1e30}, Type::f32, Type::i64).integer, INT64_MIN);
}

}  // namespace
}  // namespace sinter::loop
