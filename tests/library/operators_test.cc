#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <regex>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

using testing::ElementsAre;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Operator {
  std::string name;  // of the figures
  std::string x;     // the array that it takes
  std::function<Tensor(const Tensor&)> value;
};

Tensor operand(const std::string& name) {
  return given("operators/" + name);
}

Tensor onto_base(const Tensor& base, Scatter how) {
  return scatter_along_axis(base, operand("at"), operand("updates"), 1, how);
}
Tensor of_updates(const Tensor& updates, Scatter how) {
  return scatter_along_axis(operand("base"), operand("at"), updates, -1, how);
}

Tensor alignment(const Tensor& logits, Reduction reduction) {
  return ctc_loss(log_softmax(logits), operand("ctc_targets"), operand("ctc_inputs"), operand("ctc_lengths"),
                  {.reduction = reduction, .zero_infinity = true});
}

const std::vector<Operator> kOperators = {
    {"product", "x", [](const Tensor& x) { return product(x, 1); }},
    {"product.sparse", "sparse", [](const Tensor& x) { return product(x, -1); }},
    {"cumulative_product", "x", [](const Tensor& x) { return cumulative_product(x, 1); }},
    {"cumulative_product.sparse", "sparse", [](const Tensor& x) { return cumulative_product(x, -1); }},
    {"cumulative_max", "x", [](const Tensor& x) { return cumulative_max(x, 1).values; }},
    {"cumulative_max.tied", "tied", [](const Tensor& x) { return cumulative_max(x, 1).values; }},
    {"cumulative_min", "x", [](const Tensor& x) { return cumulative_min(x, 0).values; }},
    {"log_cumulative_sum_exp", "x", [](const Tensor& x) { return log_cumulative_sum_exp(x, 1); }},
    {"take_along_axis", "x", [](const Tensor& x) { return take_along_axis(x, operand("places"), 1); }},
    {"sort", "x", [](const Tensor& x) { return sort(x, 1).values; }},
    {"sort.descending", "x", [](const Tensor& x) { return sort(x, 0, true).values; }},
    {"lower_triangle", "x", [](const Tensor& x) { return lower_triangle(x, -1); }},
    {"upper_triangle", "x", [](const Tensor& x) { return upper_triangle(x, 1); }},
    {"scatter.set", "base",
     [](const Tensor& x) {
       return scatter_along_axis(x, operand("once"), slice(operand("updates"), 1, 0, 3), 1);
     }},
    {"scatter.set.updates", "updates",
     [](const Tensor& x) {
       return scatter_along_axis(operand("base"), operand("once"), slice(x, 1, 0, 3), 1);
     }},
    {"scatter.add", "base", [](const Tensor& x) { return onto_base(x, Scatter::add); }},
    {"scatter.add.updates", "updates", [](const Tensor& x) { return of_updates(x, Scatter::add); }},
    {"scatter.product", "base", [](const Tensor& x) { return onto_base(x, Scatter::product); }},
    {"scatter.product.updates", "updates", [](const Tensor& x) { return of_updates(x, Scatter::product); }},
    {"scatter.max", "base", [](const Tensor& x) { return onto_base(x, Scatter::max); }},
    {"scatter.max.updates", "updates", [](const Tensor& x) { return of_updates(x, Scatter::max); }},
    {"scatter.min", "base", [](const Tensor& x) { return onto_base(x, Scatter::min); }},
    {"scatter.min.updates", "updates", [](const Tensor& x) { return of_updates(x, Scatter::min); }},
    {"ctc", "logits", [](const Tensor& x) { return alignment(x, Reduction::mean); }},
    {"ctc.sum", "logits", [](const Tensor& x) { return alignment(x, Reduction::sum); }},
    {"ctc.none", "logits", [](const Tensor& x) { return alignment(x, Reduction::none); }},
    {"truncated_remainder", "dividend",
     [](const Tensor& x) { return truncated_remainder(x, operand("divisor")); }},
};

// One program a device: of each the value, and the gradient of sum(value * cos(0, 1, ...)).
TEST(Operators, AreThoseOfPyTorch) {
  for (const std::string& device : kDevices) {
    Program program;
    std::vector<Input> inputs;
    Arrays arrays;
    for (const Operator& it : kOperators) {
      if (arrays.contains(it.x)) continue;
      arrays[it.x] = figure("operators/" + it.x);
      inputs.push_back({it.x, f32, arrays[it.x].shape()});
    }
    program.add("operators", inputs, [](const Inputs& in) -> Outputs {
      Outputs outputs;
      for (const Operator& it : kOperators) {
        const Tensor value = it.value(in[it.x]);
        outputs.push_back({it.name + ".value", value});
        const Tensor weights = reshape(cos(arange(value.size(), f32)), value.shape());
        outputs.push_back({it.name + ".gradient", grad(sum(value * weights), {in[it.x]})[0]});
      }
      return outputs;
    });
    program.compile({.device = device});
    for (const auto& [name, result] : program.run("operators", arrays)) {
      SCOPED_TRACE(name + " on " + device);
      EXPECT_EQ(result.shape(), figure("operators/" + name).shape());
      EXPECT_THAT(floats(result), near_figures("operators/" + name));
    }
  }
}

std::vector<int32_t> integers_of(const std::function<Tensor()>& body) {
  const Array result = evaluate(body);
  const auto values = result.values<int32_t>();
  return {values.begin(), values.end()};
}

std::vector<int32_t> figured(const std::string& name) {
  const Array array = figure("operators/" + name);
  const auto values = array.values<int32_t>();
  return {values.begin(), values.end()};
}

TEST(Operators, SayWhereRunningExtremesStand) {
  EXPECT_EQ(integers_of([] { return cumulative_max(operand("x"), 1).positions; }),
            figured("cumulative_max.positions"));
  EXPECT_EQ(integers_of([] { return cumulative_max(operand("tied"), -1).positions; }),
            figured("cumulative_max.tied_positions"));
  const auto x = [] { return row({2, kNaN, 1, 4}); };
  EXPECT_THAT(evaluate_floats([&] { return cumulative_min(x(), 0).values; }),
              ElementsAre(2, testing::IsNan(), testing::IsNan(), testing::IsNan()));
  EXPECT_THAT(integers_of([&] { return cumulative_max(x(), 0, true).positions; }), ElementsAre(1, 1, 3, 3));
}

TEST(Operators, SortStably) {
  EXPECT_EQ(integers_of([] { return argsort(operand("tied")); }), figured("sort.tied"));
  EXPECT_EQ(integers_of([] { return argsort(operand("tied"), 1, true); }), figured("sort.tied_descending"));
  const auto x = [] { return row({2, kNaN, -1, kNaN}); };
  EXPECT_THAT(integers_of([&] { return argsort(x()); }), ElementsAre(2, 0, 1, 3));
  EXPECT_THAT(integers_of([&] { return argsort(x(), 0, true); }), ElementsAre(1, 3, 0, 2));
}

// Rows of several runs, on machines of threads and of workgroups; the gradient goes back where each came
// from.
TEST(Operators, SortLongRows) {
  constexpr int64_t kLength = 100'003;
  std::vector<float> numbers;
  uint32_t state = 1;
  for (int64_t i = 0; i < kLength; ++i)
    numbers.push_back(static_cast<float>((state = state * 1664525 + 1013904223) >> 16));
  std::vector<int32_t> order(kLength);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return numbers[static_cast<size_t>(a)] > numbers[static_cast<size_t>(b)];
  });
  std::vector<float> came_from(kLength);
  for (int64_t i = 0; i < kLength; ++i)
    came_from[static_cast<size_t>(order[static_cast<size_t>(i)])] = static_cast<float>(i);
  for (const std::string& device : kDevices) {
    SCOPED_TRACE(device);
    Program program;
    program.add("f", {{"x", f32, {kLength}}}, [](const Inputs& in) -> Outputs {
      const Sorted sorted = sort(in["x"], 0, true);
      const Tensor weights = arange(kLength, f32);
      return {{"positions", sorted.positions},
              {"gradient", grad(sum(sorted.values * weights), {in["x"]})[0]}};
    });
    program.compile({.device = device});
    const Arrays result = program.run("f", {{"x", Array::from<float>(numbers, {kLength})}});
    EXPECT_TRUE(std::ranges::equal(result.at("positions").values<int32_t>(), order));
    EXPECT_TRUE(std::ranges::equal(result.at("gradient").values<float>(), came_from));
  }
}

// Of several updates the last; infinities and NaN are moved as they are.
TEST(Operators, ScatterTheLastUpdate) {
  EXPECT_THAT(evaluate_floats([] {
                return scatter_along_axis(row({1, 2, 3, 4}),
                                          constant(Array::from<int32_t>({2, 0, 2, 0, 2}, {5})),
                                          row({5, kNaN, 6, 7, -8}), 0);
              }),
              ElementsAre(7, 2, -8, 4));
  EXPECT_THAT(integers_of([] {
                const Tensor at = constant(Array::from<int32_t>({1, 1}, {2}));
                return scatter_along_axis(arange(2), at, constant(Array::from<int32_t>({-7, -9}, {2})), 0,
                                          Scatter::min);
              }),
              ElementsAre(0, -9));
  EXPECT_THAT(evaluate_floats([] {
                return scatter_along_axis(row({1, 2}), zeros({0}, i32), zeros({0}), 0);
              }),
              ElementsAre(1, 2));
}

// What cannot be aligned is infinite, with a gradient of 0; labels beyond a target's length are not looked
// at.
TEST(Operators, AlignWhatIsLongEnough) {
  const auto losses = [](const Tensor& x, Reduction reduction) {
    return ctc_loss(x, constant(Array::from<int32_t>({1, 1, 1, 99}, {2, 2})),
                    constant(Array::from<int32_t>({2, 2}, {2})), constant(Array::from<int32_t>({2, 1}, {2})),
                    {.reduction = reduction});
  };
  const auto even = [] { return full({2, 2, 2}, -std::log(2.0)); };
  EXPECT_THAT(evaluate_floats([&] { return losses(even(), Reduction::none); }),
              ElementsAre(std::numeric_limits<float>::infinity(), testing::FloatEq(-std::log(0.75f))));
  EXPECT_THAT(evaluate_floats([&] {
                const Tensor x = even();
                return slice(grad(losses(x, Reduction::sum), {x})[0], 1, 0, 1);
              }),
              testing::Each(0));
}

// x[t] = a[t] * x[t-1] + b[t], from 0.
TEST(Operators, ScanRecurrences) {
  EXPECT_THAT(evaluate_floats([] {
                const Combine then = [](const auto& f, const auto& g) -> std::vector<Tensor> {
                  return {g[0] * f[0], g[0] * f[1] + g[1]};
                };
                return associative_scan({row({2, 3, 0.5f, -1, 2}), row({1, 2, 4, 1, 3})}, 0, then)[1];
              }),
              ElementsAre(1, 5, 6.5f, -5.5f, -8));
  EXPECT_THAT(evaluate_floats([] {
                return cumulative_product(row({2, 3, 4}), 0, true);
              }),
              ElementsAre(24, 12, 4));
}

TEST(Operators, RoundTowardsZero) {
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
  const auto by = [](const std::function<Tensor(Tensor, Tensor)>& op) {
    return integers_of([&] {
      return op(constant(Array::from<int32_t>({7, -7, 7, -7, -6, 5, kLeast}, {7})),
                constant(Array::from<int32_t>({2, 2, -2, -2, 3, 0, 3}, {7})));
    });
  };
  EXPECT_THAT(by([](auto x, auto y) { return truncated_divide(x, y); }),
              ElementsAre(3, -3, -3, 3, -2, 0, kLeast / 3));
  EXPECT_THAT(by([](auto x, auto y) { return truncated_remainder(x, y); }),
              ElementsAre(1, -1, 1, -1, 0, 0, kLeast % 3));
  EXPECT_EQ(evaluate_floats([] { return truncated_divide(operand("dividend"), operand("divisor")); }),
            figures("operators/truncated_divide.value"));
}

TEST(Operators, OfNothing) {
  EXPECT_THAT(evaluate_floats([] { return product(zeros({2, 0})); }), ElementsAre(1));
  EXPECT_THAT(evaluate_floats([] { return product(zeros({2, 0}), 1); }), ElementsAre(1, 1));
  EXPECT_THAT(evaluate_floats([] { return product(row({2, 3, 4}), {}, keepdims); }), ElementsAre(24));
  EXPECT_THAT(evaluate_floats([] { return cumulative_product(zeros({0}), 0); }), ElementsAre());
  EXPECT_THAT(evaluate_floats([] { return eye(2); }), ElementsAre(1, 0, 0, 1));
}

std::string told(const std::function<Tensor()>& body) {
  return std::regex_replace(message_of([&] { evaluate(body); }), std::regex(":[0-9]+\\)"), ")");
}

TEST(Operators, SayWhatDoesNotFit) {
  EXPECT_EQ(told([] {
              return take_along_axis(zeros({2, 3}), zeros({3, 1}, i32), 1);
            }),
            "take_along_axis: indices i32[3,1] do not fit axis 1 of f32[2,3] (operators_test.cc)");
  EXPECT_EQ(told([] { return lower_triangle(zeros({3})); }),
            "lower_triangle: takes x of at least two axes, got f32[3] (operators_test.cc)");
  EXPECT_EQ(told([] {
              return associative_scan(
                         {zeros({3})}, 0, [](const auto& a, const auto&) { return a; }, false)[0] +
                     associative_scan({zeros({4}), zeros({3})}, 0, nullptr)[0];
            }),
            "associative_scan: f32[4] and f32[3] differ along axis 0 (operators_test.cc)");
  EXPECT_EQ(told([] {
              return associative_scan({zeros({3})}, 0,
                                      [](const auto&, const auto&) { return std::vector<Tensor>{}; })[0];
            }),
            "associative_scan: combine gives 0 tensors for 1 (operators_test.cc)");
  EXPECT_EQ(told([] {
              return scatter_along_axis(zeros({2, 3}), zeros({2, 1}, i32), zeros({2, 2}), 1);
            }),
            "scatter_along_axis: updates are f32[2,2], expected f32[2,1] (operators_test.cc)");
  EXPECT_EQ(told([] {
              return scatter_along_axis(zeros({2}, boolean), zeros({1}, i32), zeros({1}, boolean), 0,
                                        Scatter::max);
            }),
            "scatter_along_axis: combines numbers, got bool[2] (operators_test.cc)");
  EXPECT_EQ(told([] {
              return ctc_loss(zeros({4, 2}), zeros({2, 1}, i32), zeros({2}, i32), zeros({2}, i32));
            }),
            "ctc_loss: takes log_probabilities [t,n,classes], got f32[4,2] (operators_test.cc)");
  EXPECT_EQ(told([] {
              return ctc_loss(zeros({4, 2, 3}), zeros({3, 1}, i32), zeros({2}, i32), zeros({2}, i32));
            }),
            "ctc_loss: takes targets i32[2,s], got i32[3,1] (operators_test.cc)");
  EXPECT_EQ(
      told([] {
        return ctc_loss(zeros({4, 2, 3}), zeros({2, 1}, i32), zeros({2}, i32), zeros({2}, i32), {.blank = 3});
      }),
      "ctc_loss: blank must be in [0,3), the classes, got 3 (operators_test.cc)");
  EXPECT_EQ(told([] { return cumulative_max(zeros({3}), 1).values; }),
            "cumulative_max: axis 1 is outside f32[3] (operators_test.cc)");
  EXPECT_EQ(
      told([] {
        return take_along_axis(zeros({2, 3}), ones({2, 1}, i32) * 3, 1);
      }),
      "take_along_axis: index 3 at position [0,0] of 'result of mul' is outside [0,3) (operators_test.cc)");
}

}  // namespace
}  // namespace sinter
