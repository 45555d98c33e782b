#include "ir/loop/simplify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "ir/loop/scalar.h"

namespace sinter::loop {
namespace {

using Values = std::unordered_map<VariableRef, int64_t>;

// The value of an index expression, or nothing where it divides a negative number, which is not allowed.
std::optional<int64_t> evaluate(const Expr& x, const Values& values) {
  if (const auto value = as_integer(x)) return value;
  if (x->kind == ExprNode::Kind::variable) return values.at(x->variable);
  std::vector<Scalar> args;
  for (const Expr& arg : x->args) {
    const auto value = evaluate(arg, values);
    if (!value) return std::nullopt;
    args.push_back({.integer = *value});
  }
  const bool divides = x->op == ScalarOp::div || x->op == ScalarOp::rem;
  if (divides && (args[0].integer < 0 || args[1].integer <= 0)) return std::nullopt;
  return loop::evaluate(x->op, x->args.back()->type, x->type, args).integer;
}

void for_each_point(const RangeMap& ranges, const std::function<void(const Values&)>& visit) {
  const std::vector<std::pair<VariableRef, Range>> order(ranges.begin(), ranges.end());
  Values values;
  const std::function<void(size_t)> enumerate = [&](size_t depth) {
    if (depth == order.size()) return visit(values);
    for (int64_t v = order[depth].second.begin; v < order[depth].second.end; ++v) {
      values[order[depth].first] = v;
      enumerate(depth + 1);
    }
  };
  enumerate(0);
}

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  int64_t below(int64_t bound) { return std::uniform_int_distribution<int64_t>(0, bound - 1)(random_); }
  int64_t divisor() { return std::array<int64_t, 10>{1, 2, 3, 4, 5, 6, 8, 12, 16, 24}[size_t(below(10))]; }

  void add_variable(const char* name) {
    const int64_t begin = below(4) == 0 ? below(5) : 0;
    variables_.push_back(make_variable(name));
    ranges_[variables_.back()] = {begin, begin + 1 + below(9)};
  }

  Expr expression(int depth) {
    if (depth == 0) {
      return below(5) == 0 ? integer(below(20))
                           : variable(variables_[size_t(below(int64_t(variables_.size())))]);
    }
    const Expr a = expression(depth - 1);
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return a + expression(depth - 1);
      case 3:
        return a - expression(depth - 2 < 0 ? 0 : depth - 2);
      case 4:
      case 5:
        return a * divisor();
      case 6:
      case 7:
        return a / divisor();
      case 8:
      case 9:
        return a % divisor();
      case 10:
        return below(2) ? min(a, expression(depth - 1)) : max(a, expression(depth - 1));
      default:
        return select(condition(depth - 1), a, expression(depth - 1));
    }
  }

  Expr condition(int depth) {
    const Expr a = expression(depth), b = expression(depth);
    switch (below(6)) {
      case 0:
        return a < b;
      case 1:
        return a >= b;
      case 2:
        return a == b;
      case 3:
        return apply(ScalarOp::less_equal, {a, b});
      case 4:
        return apply(ScalarOp::greater, {a, b});
      default:
        return apply(ScalarOp::not_equal, {a, b});
    }
  }

  const RangeMap& ranges() const { return ranges_; }
  const std::vector<VariableRef>& variables() const { return variables_; }

 private:
  std::mt19937 random_;
  std::vector<VariableRef> variables_;
  RangeMap ranges_;
};

// Whether `simplified` has the value of `x` at every point; true too where `x` divides negative numbers.
testing::AssertionResult agrees(const Expr& x, const Expr& simplified, const RangeMap& ranges) {
  std::optional<Values> differs;
  bool valid = true;
  for_each_point(ranges, [&](const Values& values) {
    const auto expected = evaluate(x, values);
    valid = valid && expected;
    if (expected && evaluate(simplified, values) != expected && !differs) differs = values;
  });
  if (!valid || !differs) return testing::AssertionSuccess();
  auto failure = testing::AssertionFailure() << print(x) << "\nbecame " << print(simplified) << "\nat";
  for (const auto& [v, value] : *differs) failure << " " << v->name << "=" << value;
  return failure;
}

TEST(Simplify, KeepsTheValueOfRandomExpressions) {
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    Generator generator(seed);
    for (const char* name : {"i", "j", "k"}) generator.add_variable(name);
    const Expr x = seed % 4 == 0 ? generator.condition(3) : generator.expression(4);
    ASSERT_TRUE(agrees(x, simplify(x, generator.ranges()), generator.ranges())) << "seed " << seed;
  }
}

// As a reshape makes them: one shape's row-major position, taken apart by another shape and put together.
TEST(Simplify, KeepsTheValueOfReshapes) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    Generator generator(seed);
    for (const char* name : {"i", "j", "k"}) generator.add_variable(name);
    const Expr shift = integer(generator.below(3) == 0 ? generator.below(9) : 0);
    Expr position = shift;
    for (const VariableRef& v : generator.variables()) {
      position = position * generator.ranges().at(v).end + variable(v);
    }
    const int64_t inner = generator.divisor(), middle = generator.divisor();
    const Expr low = position % inner, mid = position / inner % middle, high = position / (inner * middle);
    const Expr again = (low * middle + mid) * generator.divisor() + high * generator.divisor();
    const Expr back = high * (inner * middle) + mid * inner + low;
    for (const Expr& x :
         {low, mid, high, again, back, back / generator.divisor(), again % generator.divisor()}) {
      ASSERT_TRUE(agrees(x, simplify(x, generator.ranges()), generator.ranges())) << "seed " << seed;
    }
    if (as_integer(shift) == 0) {
      EXPECT_EQ(print(simplify(back - position, generator.ranges())), "0") << "seed " << seed;
    }
  }
}

class SimplifyText : public testing::Test {
 protected:
  Expr var(const char* name, int64_t end) {
    const VariableRef v = make_variable(name);
    ranges_[v] = {0, end};
    return variable(v);
  }
  std::string text(const Expr& x) const { return print(simplify(x, ranges_)); }

  RangeMap ranges_;
};

TEST_F(SimplifyText, SplitsBlocksOfLanes) {
  const Expr i = var("i", 32), block = var("block", 8), lane = var("lane", 8);
  const Expr j = block * 8 + lane;
  EXPECT_EQ(text((i * 64 + j) / 64), "i");
  EXPECT_EQ(text((i * 64 + j) % 64), "block*8 + lane");
  EXPECT_EQ(text((i * 64 + j) / 16 % 4), "block/2");
  EXPECT_EQ(text((i * 64 + j) % 16), "block%2*8 + lane");
  EXPECT_EQ(text((i * 64 + j + 8) / 16), "i*4 + (block + 1)/2");
}

TEST_F(SimplifyText, PutsTogetherWhatWasSplit) {
  const Expr x = var("x", 1000);
  EXPECT_EQ(text(x / 4 * 4 + x % 4), "x");
  EXPECT_EQ(text(x / 4 % 8 * 4 + x % 4), "x%32");
  EXPECT_EQ(text(x / 40 * 40 + x / 4 % 10 * 4 + x % 4), "x");
  EXPECT_EQ(text(x / 12 % 5 * 3 + x / 4 % 3), "x/4%15");
}

TEST_F(SimplifyText, DecidesComparisons) {
  const Expr i = var("i", 8), lane = var("lane", 8), n = variable(make_variable("n"));
  EXPECT_EQ(text(i * 8 + lane < integer(64)), "true");
  EXPECT_EQ(text(i * 8 + lane >= integer(64)), "false");
  EXPECT_EQ(text(i * 8 + lane < integer(40)), "i < 5");
  EXPECT_EQ(text(i * 8 + lane < n * 8), "i < n");
  EXPECT_EQ(text(i * 8 + lane < integer(41)), "i*8 + lane < 41");
  EXPECT_EQ(text(min(i, integer(7))), "i");
  EXPECT_EQ(text(max(i + lane, integer(20))), "20");
}

TEST_F(SimplifyText, ReplacesVariablesOfOneValue) {
  const Expr i = var("i", 1), j = var("j", 5);
  EXPECT_EQ(text(i * 64 + j), "j");
}

TEST_F(SimplifyText, SimplifiesIndicesInsideLoads) {
  const auto x = std::make_shared<const Buffer>(Buffer{"x", Type::f32, 64});
  const Expr i = var("i", 8), j = var("j", 8);
  EXPECT_EQ(text(load(x, (i * 8 + j) / 8 * 8 + j % 8) + number(1, Type::f32)), "x[i*8 + j] + 1.0");
}

TEST_F(SimplifyText, LeavesWhatItCannotProve) {
  const Expr i = var("i", 8), n = variable(make_variable("n"));
  EXPECT_EQ(text((n + i * 8) / 8), "(i*8 + n)/8");
  EXPECT_EQ(text(n % 4 * 4 + i % 4), "n%4*4 + i%4");
}

TEST(Affine, GivesTheCoefficientOfAVariable) {
  const VariableRef lane = make_variable("lane"), i = make_variable("i");
  const auto affine = affine_in(variable(i) * 64 + (variable(lane) + 3) * 8 - variable(lane), lane);
  ASSERT_TRUE(affine);
  EXPECT_EQ(affine->coefficient, 7);
  EXPECT_EQ(print(affine->rest), "i*64 + 24");
  EXPECT_EQ(affine_in(variable(i), lane)->coefficient, 0);
  EXPECT_FALSE(affine_in(variable(lane) / 2, lane));
  EXPECT_FALSE(affine_in(variable(lane) * variable(i), lane));
  EXPECT_TRUE(affine_in(variable(i) / 2 + variable(lane), lane));
}

}  // namespace
}  // namespace sinter::loop
