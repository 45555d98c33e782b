#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/attention/harness.h"

// Gradients of some of what attention reads: of the queries, keys and values, and of what its scores are made
// from.
namespace sinter::test {
namespace {

using In = sinter::Inputs;

struct Sizes {
  int64_t batch, heads, queries, keys, width;

  std::string name() const {
    return fmt::format("{} x {} heads, {} queries, {} keys, width {}", batch, heads, queries, keys, width);
  }
  std::vector<Input> inputs() const {
    return {{"q", f32, {batch, heads, queries, width}},
            {"k", f32, {batch, heads, keys, width}},
            {"v", f32, {batch, heads, keys, width}}};
  }
};

class AttentionGradients : public ::testing::TestWithParam<std::string> {
 protected:
  static bool is_cpu() { return GetParam() == "cpu"; }
};

// One kernel for all gradients, or one for queries and one for keys and values where heads are few and scores
// many; scores in one block or several of queries and of keys; few keys.
TEST_P(AttentionGradients, OfEachSubset) {
  std::vector<Sizes> all = {{1, 2, 4, 4, 4}, {1, 2, 70, 97, 4}};
  if (is_cpu()) all.insert(all.end(), {{1, 2, 1, 30, 5}, {1, 1, 257, 256, 2}});
  for (const Sizes& s : all) {
    for (unsigned subset = 1; subset < 16; ++subset) {
      Form form{s.name(), s.inputs(), [](const In& in) {
                  return attention(in["q"], in["k"], in["v"], {.causal = true, .bias = in["bias"]});
                }};
      form.inputs.push_back({"bias", f32, {s.heads, s.queries, s.keys}});
      form.wrt.clear();
      for (size_t i = 0; i < 4; ++i) {
        if (subset >> i & 1) form.wrt.push_back(form.inputs[i].name);
      }
      form.name += fmt::format(", of {}", fmt::join(form.wrt, ", "));
      form.threads = {1, 3};
      EXPECT_TRUE(check(form, true, GetParam().c_str()).anchors.starts_with("attention attention_backward"));
    }
  }
}

// Dense constants that the scores are made from lie in memory, as what a parameter gives does.
TEST_P(AttentionGradients, BesideConstants) {
  const Sizes s{2, 4, 7, 9, 6};
  const auto table = [](Shape shape, auto element) {
    using T = decltype(element(0));
    const auto count = static_cast<size_t>(graph::element_count(shape));
    const auto values = std::make_unique<T[]>(count);
    for (size_t i = 0; i < count; ++i) values[i] = element(static_cast<int>(i));
    return constant(Array::from<T>(std::span<const T>(values.get(), count), shape));
  };
  const auto expect_fused = [&](const std::string& name, const std::function<Tensor(const In&)>& body) {
    SCOPED_TRACE(name);
    const Form form{name, s.inputs(), body};
    EXPECT_EQ(check(form, false, GetParam().c_str()).anchors, "attention");
    EXPECT_EQ(check(form, true, GetParam().c_str()).anchors, "attention attention_backward");
  };
  const auto mask = [&] { return table({7, 9}, [](int i) { return i % 3 != 1; }); };
  expect_fused("mask", [&](const In& in) { return attention(in["q"], in["k"], in["v"], {.mask = mask()}); });
  expect_fused("bias", [&](const In& in) {
    const Tensor bias = table({4, 7, 9}, [](int i) { return 0.25f * static_cast<float>(i % 7); });
    return attention(in["q"], in["k"], in["v"], {.bias = bias});
  });
  expect_fused("lengths", [&](const In& in) {
    const Tensor lengths = table({2}, [](int i) { return 4 + 3 * i; });
    return attention(in["q"], in["k"], in["v"], {.lengths = lengths});
  });
  expect_fused("slopes", [&](const In& in) {
    const Tensor slopes = table({4, 1, 1}, [](int i) { return std::exp2(-static_cast<float>(i + 1)); });
    const Tensor distance = cast(iota({7, 9}, 1) - iota({7, 9}, 0), f32);
    const Tensor scores = matmul(in["q"], transpose(in["k"], {0, 1, 3, 2})) + slopes * distance;
    return matmul(softmax(where(mask(), scores, -1e9)), in["v"]);
  });
  expect_fused("dear", [&](const In& in) {
    const Tensor bias = exp(table({7, 9}, [](int i) { return 0.1f * static_cast<float>(i % 5); }));
    return attention(in["q"], in["k"], in["v"], {.bias = bias});
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, AttentionGradients, ::testing::Values("cpu", "vulkan"),
                         [](const auto& device) { return device.param; });

}  // namespace
}  // namespace sinter::test
