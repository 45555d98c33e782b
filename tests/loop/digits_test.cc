#include "ir/loop/digits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "ir/loop/scalar.h"
#include "ir/loop/simplify.h"

namespace sinter::loop {
namespace {

int64_t evaluate(const Expr& x, int64_t a, int64_t b, const VariableRef& of_a) {
  if (const auto value = as_integer(x)) return *value;
  if (x->kind == ExprNode::Kind::variable) return x->variable == of_a ? a : b;
  std::vector<Scalar> args;
  for (const Expr& arg : x->args) args.push_back({.integer = evaluate(arg, a, b, of_a)});
  return loop::evaluate(x->op, Type::index, x->type, args).integer;
}

struct Digits : ::testing::Test {
  VariableRef first = make_variable("a"), second = make_variable("b");
  Expr a = variable(first), b = variable(second);
  int64_t a_end = 12, b_end = 6;

  bool found(const Expr& x) { return is_injective(x, {{first, {0, a_end}}, {second, {0, b_end}}}); }

  static bool has(const Expr& x, const VariableRef& variable) {
    if (x->kind == ExprNode::Kind::variable) return x->variable == variable;
    return std::ranges::any_of(x->args, [&](const Expr& arg) { return has(arg, variable); });
  }
  // By looking at all places.
  bool expected(const Expr& x) {
    std::map<int64_t, std::pair<int64_t, int64_t>> seen;
    for (int64_t i = 0; i < (has(x, first) ? a_end : 1); ++i) {
      for (int64_t j = 0; j < (has(x, second) ? b_end : 1); ++j) {
        if (!seen.try_emplace(evaluate(x, i, j, first), i, j).second) return false;
      }
    }
    return true;
  }
};

TEST_F(Digits, TellPlacesApart) {
  for (const Expr& x : {a, a * 6 + b, b * 12 + a, a / 4 * 10 + a % 4, a % 4 * 3 + a / 4 + b * 12,
                        a / 6 * 6 + a / 2 % 3 * 2 + a % 2, a / 4 * 24 + b * 4 + a % 4,
                        a % 4 * 18 + b % 2 * 9 + a / 4 * 3 + b / 2, integer(3), a + 5}) {
    EXPECT_TRUE(found(x)) << print(x);
    EXPECT_TRUE(expected(x)) << print(x);
  }
}

TEST_F(Digits, ThatAreNotAllThere) {
  for (const Expr& x : {a / 2, a % 6, a + b, a * 5 + b, a % 5 + a / 5 * 4, a / 4 * 4, a * 6 + b / 2,
                        a % 5 / 2 * 2 + a % 2 + a / 5 * 5}) {
    EXPECT_FALSE(found(x)) << print(x);
    EXPECT_FALSE(expected(x)) << print(x);
  }
}

TEST_F(Digits, AreNeverClaimedWhereTwoPlacesMeet) {
  std::mt19937 random(5);
  const auto below = [&](unsigned n) { return static_cast<int64_t>(random() % n); };
  int claimed = 0;
  for (int i = 0; i < 20000; ++i) {
    a_end = 1 + below(16);
    b_end = 1 + below(16);
    Expr x = integer(below(3));
    for (int64_t terms = 1 + below(4); terms > 0; --terms) {
      Expr digit = below(2) == 0 ? a : b;
      for (int64_t steps = below(3); steps > 0; --steps) {
        const int64_t by = 1 + below(6);
        digit = below(2) == 0 ? digit / by : digit % by;
      }
      x = x + digit * (1 + below(12));
    }
    if (below(2) == 0) x = simplify(x, {{first, {0, a_end}}, {second, {0, b_end}}});
    if (!found(x)) continue;
    ++claimed;
    EXPECT_TRUE(expected(x)) << print(x) << " with a below " << a_end << ", b below " << b_end;
  }
  EXPECT_GT(claimed, 1000);
}

}  // namespace
}  // namespace sinter::loop
