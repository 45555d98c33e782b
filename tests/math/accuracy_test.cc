#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "passes/expand_math/expand_math.h"
#include "tests/math/run_words.h"
#include "tests/math/special_values.h"
#include "tools/ulps.h"

// Samples over all exponents and signs; tools/measure_accuracy.cc takes every input, docs/math.md has its
// results.
namespace sinter::math_test {
namespace {

using loop::Expr;
using loop::ScalarOp;
using passes::MathTarget;

constexpr MathTarget kWithFma = {};
constexpr MathTarget kWithoutFma = {.has_fma = false};

Expr to_float(const Expr& word) {
  return loop::bitcast(word, loop::Type::f32);
}

double to_double(uint32_t word) {
  return std::bit_cast<float>(word);
}

struct Worst {
  double ulps = 0;
  double first = 0, second = 0;
};

Worst worst_error(const Build& build, const Words& words, double (*exact)(double, double)) {
  const std::vector<float> values = run<float>(build, loop::Type::f32, words);
  Worst worst;
  for (size_t i = 0; i < values.size(); ++i) {
    const double first = to_double(words.first[i]), second = to_double(words.second[i]);
    const double ulps = tools::error_in_ulps(values[i], exact(first, second));
    if (ulps > worst.ulps) worst = {ulps, first, second};
  }
  return worst;
}

void expect_accurate(ScalarOp op, const Words& words, double (*exact)(double, double)) {
  for (const auto& [target, bound] : {std::pair(kWithFma, 2.0), std::pair(kWithoutFma, 4.0)}) {
    const auto build = [&](const Element& element) {
      std::vector<Expr> operands = {to_float(element.first)};
      if (op == ScalarOp::pow) operands.push_back(to_float(element.second));
      return expand_math(loop::apply(op, operands), target);
    };
    const Worst worst = worst_error(build, words, exact);
    EXPECT_LE(worst.ulps, bound) << loop::name(op) << " of " << worst.first << ", " << worst.second
                                 << (target.has_fma ? " with" : " without") << " fma";
  }
}

// Every 2053rd float, and those where functions have special cases.
Words sample_of_floats() {
  Words words;
  for (uint64_t word = 0; word < uint64_t{1} << 32; word += 2053) {
    words.first.push_back(static_cast<uint32_t>(word));
  }
  for (const float x : special_values()) words.first.push_back(std::bit_cast<uint32_t>(x));
  words.second.resize(words.first.size());
  return words;
}

struct Function {
  ScalarOp op;
  double (*exact)(double, double);
};

class AccuracyTest : public testing::TestWithParam<Function> {};

TEST_P(AccuracyTest, HoldsOverAllExponents) {
  expect_accurate(GetParam().op, sample_of_floats(), GetParam().exact);
}

constexpr Function kFunctions[] = {
    {ScalarOp::exp, [](double x, double) { return std::exp(x); }},
    {ScalarOp::expm1, [](double x, double) { return std::expm1(x); }},
    {ScalarOp::log, [](double x, double) { return std::log(x); }},
    {ScalarOp::log1p, [](double x, double) { return std::log1p(x); }},
    {ScalarOp::sin, [](double x, double) { return std::sin(x); }},
    {ScalarOp::cos, [](double x, double) { return std::cos(x); }},
    {ScalarOp::tanh, [](double x, double) { return std::tanh(x); }},
    {ScalarOp::erf, [](double x, double) { return std::erf(x); }},
    {ScalarOp::rsqrt, [](double x, double) { return 1 / std::sqrt(x); }},
};

INSTANTIATE_TEST_SUITE_P(Functions, AccuracyTest, testing::ValuesIn(kFunctions),
                         [](const auto& test) { return std::string(loop::name(test.param.op)); });

double exact_pow(double base, double exponent) {
  return std::pow(base, exponent);
}

TEST(PowTest, HasTheSpecialCasesOfC) {
  Words words;
  for (const float base : special_values()) {
    for (const float exponent : special_values()) {
      words.first.push_back(std::bit_cast<uint32_t>(base));
      words.second.push_back(std::bit_cast<uint32_t>(exponent));
    }
  }
  expect_accurate(ScalarOp::pow, words, exact_pow);
}

TEST(PowTest, HoldsWhereResultsAreFinite) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<float> log2_of_base(-100, 100), log2_of_result(-150, 129);
  Words words;
  for (int i = 0; i < 1 << 20; ++i) {
    const float base = std::exp2(i % 2 ? log2_of_base(random) : log2_of_base(random) * 0.01f);
    const float exponent = log2_of_result(random) / std::log2(base);
    words.first.push_back(std::bit_cast<uint32_t>(base));
    words.second.push_back(std::bit_cast<uint32_t>(exponent));
  }
  expect_accurate(ScalarOp::pow, words, exact_pow);
}

TEST(ExpandMathTest, LeavesF64AndWhatIsNoFunction) {
  const Expr x = loop::variable(loop::make_variable("x", loop::Type::f64));
  const Expr y = loop::apply(ScalarOp::exp, {x});
  EXPECT_EQ(expand_math(y, kWithFma).get(), y.get());
  const Expr z = loop::apply(ScalarOp::sqrt, {loop::variable(loop::make_variable("x", loop::Type::f32))});
  EXPECT_EQ(expand_math(z, kWithFma).get(), z.get());
}

TEST(ExpandMathTest, UsesFmaOnlyWhereTheTargetHasIt) {
  const Expr x = loop::variable(loop::make_variable("x", loop::Type::f32));
  for (const Function& function : kFunctions) {
    const std::string text = loop::print(expand_math(loop::apply(function.op, {x}), kWithoutFma));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("fma"))) << loop::name(function.op);
  }
}

}  // namespace
}  // namespace sinter::math_test
