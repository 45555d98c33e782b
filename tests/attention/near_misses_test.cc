#include <gtest/gtest.h>

#include <limits>

#include "tests/attention/harness.h"

// What is nearly attention is computed as it is written.
namespace sinter::test {
namespace {

using In = sinter::Inputs;

constexpr float kExcluded = std::numeric_limits<float>::infinity();

std::vector<Input> inputs() {
  return {{"q", f32, {2, 3, 14, 8}}, {"k", f32, {2, 3, 14, 8}}, {"v", f32, {2, 3, 14, 8}}};
}

Tensor scores(const In& in) {
  return matmul(in["q"], transpose(in["k"], {0, 1, 3, 2})) * 0.3;
}

void expect_plain(const std::string& name, const std::function<Tensor(const In&)>& body) {
  SCOPED_TRACE(name);
  const Form form{name, inputs(), body};
  EXPECT_EQ(check(form, false).anchors.find("attention"), std::string::npos);
  EXPECT_EQ(check(form, true).anchors.find("attention"), std::string::npos);
}

TEST(AttentionNearMisses, SoftmaxOverQueries) {
  expect_plain("over queries", [](const In& in) { return matmul(softmax(scores(in), 2), in["v"]); });
  expect_plain("over heads", [](const In& in) { return matmul(softmax(scores(in), 1), in["v"]); });
}

TEST(AttentionNearMisses, SumOverQueries) {
  expect_plain("summed over queries",
               [](const In& in) { return contract(softmax(scores(in)), in["v"], "bhqk,bhqu->bhku"); });
}

TEST(AttentionNearMisses, OtherUses) {
  expect_plain("of the probabilities", [](const In& in) {
    const Tensor p = softmax(scores(in));
    return matmul(p, in["v"]) + sum(p * p, -1, keepdims);
  });
  expect_plain("of the scores", [](const In& in) {
    const Tensor x = scores(in);
    return matmul(softmax(x), in["v"]) + max(x, -1, keepdims);
  });
  expect_plain("of the masked scores", [](const In& in) {
    const Tensor x = tanh(scores(in));
    return matmul(softmax(x), in["v"]) + mean(x, -1, keepdims);
  });
}

TEST(AttentionNearMisses, NotElementwise) {
  expect_plain("f reduces", [](const In& in) {
    const Tensor x = scores(in);
    return matmul(softmax(x - mean(x, -1, keepdims)), in["v"]);
  });
  expect_plain("f accumulates", [](const In& in) { return matmul(softmax(cumsum(scores(in), 3)), in["v"]); });
  expect_plain("g is not linear", [](const In& in) { return matmul(square(softmax(scores(in))), in["v"]); });
  expect_plain("g adds", [](const In& in) { return matmul(softmax(scores(in)) + 0.1, in["v"]); });
  expect_plain("g uses the scores", [](const In& in) {
    const Tensor x = scores(in);
    return matmul(softmax(x) * x, in["v"]);
  });
}

TEST(AttentionNearMisses, NoSoftmax) {
  expect_plain("another divisor", [](const In& in) {
    const Tensor e = exp(scores(in));
    return matmul(e / sum(e, 2, keepdims), in["v"]);
  });
  expect_plain("of other exponentials", [](const In& in) {
    const Tensor x = scores(in);
    return matmul(exp(x) / sum(exp(x * 0.5), -1, keepdims), in["v"]);
  });
}

TEST(AttentionNearMisses, ProbabilitiesAreAnOutput) {
  Program program;
  program.add("f", inputs(), [](const In& in) -> Outputs {
    const Tensor p = softmax(scores(in));
    return {{"y", matmul(p, in["v"])}, {"p", p}};
  });
  program.compile({.device = "cpu"});
  EXPECT_EQ(program.function("f").outputs().size(), 2u);
}

// The values at which a softmax is delicate, which must not spread from row to row.
TEST(AttentionRows, NothingLeft) {
  std::vector<Input> all = inputs();
  all.push_back({"lengths", i32, {2}});
  Form form{"rows without keys", all,
            [](const In& in) { return attention(in["q"], in["k"], in["v"], {.lengths = in["lengths"]}); }};
  form.most_length = 0;
  EXPECT_EQ(check(form, false).anchors, "attention");
  EXPECT_EQ(check(form, true).anchors, "attention attention_backward");
  form.body = [](const In& in) {
    const Tensor rows = iota({14, 14}, 0);
    return matmul(softmax(where(rows % 3 == 0, -kExcluded, scores(in))), in["v"]);
  };
  check(form, true);
}

TEST(AttentionSecondDerivatives, AreThoseOfTheDefinition) {
  const auto body = [](const In& in) {
    const Tensor y =
        attention(in["q"], in["k"], in["v"], {.causal = true, .bias = in["bias"], .softcap = 2.0});
    return grad(sum(y * y), {in["q"], in["k"], in["bias"]});
  };
  std::vector<Input> all = inputs();
  all.push_back({"bias", f32, {3, 14, 14}});
  Form form{"second", all, [=](const In& in) {
              const auto g = body(in);
              return sum(g[0] * g[0]) + sum(g[1] * in["k"]) + sum(g[2] * g[2]);
            }};
  form.wrt = {"q", "k", "v", "bias"};
  check(form, true);
}

}  // namespace
}  // namespace sinter::test
