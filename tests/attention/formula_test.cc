#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <cmath>
#include <numbers>

// The gradient of what is added to scores, against the formula itself: with the weights p = softmax(s), their
// cotangents g = d_y . v and s = q . k / 2 + factor * x[place], d_x[place] is the sum of factor * p (g - sum
// of p g).
namespace sinter::test {
namespace {

constexpr int64_t kBatch = 4, kHeads = 6, kQueries = 4, kKeys = 6, kWidth = 3;

struct Scores {
  std::string name;
  int64_t groups;  // query heads that share a key head
  Shape shape;     // of x
  std::function<Tensor(const Tensor& x)> bias;
  std::function<int64_t(int64_t b, int64_t h, int64_t q, int64_t k)> place;
  std::function<double(int64_t q, int64_t k)> factor = [](int64_t, int64_t) { return 1.0; };
};

std::vector<float> wave(int64_t count, double step) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(std::sin(step * static_cast<double>(i + 1)) * std::numbers::sqrt2));
  }
  return values;
}

std::vector<double> by_formula(const Scores& scores, const std::vector<float>& q, const std::vector<float>& k,
                               const std::vector<float>& v, const std::vector<float>& x,
                               const std::vector<float>& d_y) {
  std::vector<double> d_x(x.size());
  const auto dot = [](const std::vector<float>& lhs, int64_t row, const std::vector<float>& rhs,
                      int64_t other) {
    double sum = 0;
    for (int64_t w = 0; w < kWidth; ++w) {
      sum += static_cast<double>(lhs[static_cast<size_t>(row * kWidth + w)]) *
             rhs[static_cast<size_t>(other * kWidth + w)];
    }
    return sum;
  };
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t h = 0; h < kHeads; ++h) {
      for (int64_t i = 0; i < kQueries; ++i) {
        double total = 0, mean = 0;
        double p[kKeys], g[kKeys];
        const int64_t row = (b * kHeads + h) * kQueries + i;
        for (int64_t j = 0; j < kKeys; ++j) {
          const int64_t key = (b * (kHeads / scores.groups) + h / scores.groups) * kKeys + j;
          const auto place = static_cast<size_t>(scores.place(b, h, i, j));
          p[j] = std::exp(dot(q, row, k, key) / 2 + scores.factor(i, j) * x[place]);
          g[j] = dot(d_y, row, v, key);
          total += p[j];
        }
        for (int64_t j = 0; j < kKeys; ++j) mean += p[j] / total * g[j];
        for (int64_t j = 0; j < kKeys; ++j) {
          d_x[static_cast<size_t>(scores.place(b, h, i, j))] +=
              scores.factor(i, j) * p[j] / total * (g[j] - mean);
        }
      }
    }
  }
  return d_x;
}

class AttentionFormula : public ::testing::TestWithParam<std::string> {};

TEST_P(AttentionFormula, GivesTheGradientOfABias) {
  const auto spread = [](const Tensor& x, Shape between, const Shape& shape) {
    return reshape(broadcast_to(x, std::move(between)), shape);
  };
  const std::vector<Scores> all = {
      {"blocks of queries and keys",
       1,
       {kHeads, 2, 1, 3, 1},
       [&](const Tensor& x) {
         return spread(x, {kHeads, 2, 2, 3, 2}, {kHeads, kQueries, kKeys});
       },
       [](int64_t, int64_t h, int64_t q, int64_t k) { return (h * 2 + q / 2) * 3 + k / 2; }},
      {"windows",
       1,
       {1, 2, 1, kQueries, kKeys},
       [&](const Tensor& x) {
         return spread(x, {2, 2, 1, kQueries, kKeys}, {kBatch, 1, kQueries, kKeys});
       },
       [](int64_t b, int64_t, int64_t q, int64_t k) { return (b % 2 * kQueries + q) * kKeys + k; }},
      {"grouped keys",
       3,
       {kHeads, 1, kKeys},
       [](const Tensor& x) { return x; },
       [](int64_t, int64_t h, int64_t, int64_t k) { return h * kKeys + k; }},
      {"slopes of grouped heads",
       3,
       {kHeads, 1, 1},
       [](const Tensor& x) {
         return x * cast(iota({kQueries, kKeys}, 1) - iota({kQueries, kKeys}, 0), f32);
       },
       [](int64_t, int64_t h, int64_t, int64_t) { return h; },
       [](int64_t q, int64_t k) { return static_cast<double>(k - q); }},
      {"groups of heads, every other query",
       2,
       {2, 1, 1, 2, 1},
       [&](const Tensor& x) {
         return spread(x, {2, 3, 2, 2, 1}, {kHeads, kQueries, 1}) * cast(iota({kKeys}, 0), f32);
       },
       [](int64_t, int64_t h, int64_t q, int64_t) { return h / 3 * 2 + q % 2; },
       [](int64_t, int64_t k) { return static_cast<double>(k); }},
  };
  for (const Scores& scores : all) {
    SCOPED_TRACE(scores.name);
    const int64_t groups = kHeads / scores.groups;
    const Shape rows = {kBatch, kHeads, kQueries, kWidth}, keys = {kBatch, groups, kKeys, kWidth};
    int64_t count = 1;
    for (const int64_t extent : scores.shape) count *= extent;
    const auto q = wave(kBatch * kHeads * kQueries * kWidth, 0.7),
               k = wave(kBatch * groups * kKeys * kWidth, 1.1);
    const auto v = wave(kBatch * groups * kKeys * kWidth, 1.9),
               d_y = wave(static_cast<int64_t>(q.size()), 2.3);
    const auto x = wave(count, 0.3);
    Program program;
    program.add("f",
                {{"q", f32, {kBatch, kHeads, kQueries, kWidth}},
                 {"k", f32, {kBatch, groups, kKeys, kWidth}},
                 {"v", f32, {kBatch, groups, kKeys, kWidth}},
                 {"x", f32, scores.shape},
                 {"d_y", f32, {kBatch, kHeads, kQueries, kWidth}}},
                [&](const Inputs& in) -> Outputs {
                  const Tensor y =
                      attention(in["q"], in["k"], in["v"], {.scale = 0.5, .bias = scores.bias(in["x"])});
                  const Tensor loss = sum(y * in["d_y"]);
                  // Another gradient, made before, reads what the forward kernel keeps.
                  const Tensor d_q = grad(loss, {in["q"]})[0];
                  return {{"d_q", d_q}, {"d_x", grad(loss, {in["x"]})[0]}};
                });
    program.compile({.device = GetParam(), .threads = 2});
    const Arrays out = program.run("f", {{"q", Array::from<float>(q, rows)},
                                         {"k", Array::from<float>(k, keys)},
                                         {"v", Array::from<float>(v, keys)},
                                         {"x", Array::from<float>(x, scores.shape)},
                                         {"d_y", Array::from<float>(d_y, rows)}});
    const auto got = out.at("d_x").values<float>();
    const std::vector<double> expected = by_formula(scores, q, k, v, x, d_y);
    double largest = 0;
    for (const double value : expected) largest = std::max(largest, std::abs(value));
    EXPECT_GT(largest, 0.1);
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5 * largest) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, AttentionFormula, ::testing::Values("reference", "cpu", "vulkan"),
                         [](const auto& device) { return device.param; });

}  // namespace
}  // namespace sinter::test
