#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/attention/harness.h"

// Attention written in many ways is one kernel forward and one backward, and has no tensor of all scores.
namespace sinter::test {
namespace {

using In = sinter::Inputs;
using Change = std::function<Tensor(Tensor)>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr const char* kBias = "attention attention_backward attention_backward";

struct Sizes {
  int64_t batch = 2, heads = 4, queries = 33, keys = 57, width = 20, values = 12;

  std::vector<Input> inputs(int64_t key_heads = 0) const {
    const int64_t groups = key_heads == 0 ? heads : key_heads;
    return {{"q", f32, {batch, heads, queries, width}},
            {"k", f32, {batch, groups, keys, width}},
            {"v", f32, {batch, groups, keys, values}}};
  }
  std::vector<Input> inputs_and(Input more) const {
    std::vector<Input> all = inputs();
    all.push_back(std::move(more));
    return all;
  }
};

class AttentionForms : public ::testing::TestWithParam<std::string> {
 protected:
  static Outcome check(const Form& form, bool gradients) {
    return test::check(form, gradients, GetParam().c_str());
  }

  static void expect_fused(const Form& form, const Sizes& s = {},
                           const std::string& expected = "attention attention_backward") {
    SCOPED_TRACE(form.name);
    EXPECT_EQ(check(form, false).anchors, "attention");
    const Outcome outcome = check(form, true);
    EXPECT_EQ(outcome.anchors, expected);
    EXPECT_LT(outcome.largest, s.queries * s.keys);
  }
};

Tensor by_hand(
    const In& in, const Change& f, const Change& g = [](Tensor p) { return p; }) {
  return matmul(g(softmax(f(matmul(in["q"], transpose(in["k"], {0, 1, 3, 2}))))), in["v"]);
}

Form with_scores(const std::string& name, const Change& f, const Sizes& s = {}) {
  return {name, s.inputs(), [=](const In& in) { return by_hand(in, f); }};
}

Tensor query_index(const Sizes& s = {}) {
  return iota({s.queries, s.keys}, 0);
}
Tensor key_index(const Sizes& s = {}) {
  return iota({s.queries, s.keys}, 1);
}

TEST_P(AttentionForms, Composite) {
  const Sizes s;
  const auto form = [&](const std::string& name, AttentionOptions options) {
    return Form{name, s.inputs(),
                [=](const In& in) { return attention(in["q"], in["k"], in["v"], options); }};
  };
  expect_fused(form("plain", {}));
  expect_fused(form("scale", {.scale = 0.3}));
  expect_fused(form("causal", {.causal = true}));
  expect_fused(form("window", {.window = 7}));
  expect_fused(form("causal window", {.causal = true, .window = 5}));
  expect_fused(form("softcap", {.softcap = 2.0}));
  Form lengths{"lengths", s.inputs_and({"lengths", i32, {s.batch}}), [](const In& in) {
                 return attention(in["q"], in["k"], in["v"], {.causal = true, .lengths = in["lengths"]});
               }};
  lengths.most_length = static_cast<int>(s.keys);
  expect_fused(lengths);
  expect_fused({"mask", s.inputs_and({"mask", boolean, {s.batch, 1, s.queries, s.keys}}),
                [](const In& in) { return attention(in["q"], in["k"], in["v"], {.mask = in["mask"]}); }});
}

TEST_P(AttentionForms, Dropout) {
  const Sizes s;
  Form form{"dropout", s.inputs(),
            [](const In& in) { return attention(in["q"], in["k"], in["v"], {.dropout = 0.3}); }};
  form.training = true;
  expect_fused(form);
  form.body = [](const In& in) {
    return by_hand(
        in, [](Tensor x) { return x * 0.2; }, [](Tensor p) { return dropout(p, 0.5); });
  };
  expect_fused(form);
  form.body = [](const In& in) {
    return by_hand(
        in, [](Tensor x) { return x * 0.2; },
        [](Tensor p) {
          const Tensor keep = random_uniform(p.shape()) >= 0.25;
          return where(keep, p, 0.0) / 0.75;
        });
  };
  expect_fused(form);
}

TEST_P(AttentionForms, SoftmaxByHand) {
  const auto scores = [](const In& in) { return matmul(in["q"], transpose(in["k"], {0, 1, 3, 2})) * 0.22; };
  const Sizes s;
  expect_fused({"shifted", s.inputs(), [=](const In& in) {
                  const Tensor x = scores(in);
                  const Tensor e = exp(x - max(x, -1, keepdims));
                  return matmul(e / sum(e, -1, keepdims), in["v"]);
                }});
  expect_fused({"not shifted", s.inputs(), [=](const In& in) {
                  const Tensor e = exp(scores(in));
                  return matmul(e / sum(e, -1, keepdims), in["v"]);
                }});
  expect_fused({"reciprocal", s.inputs(), [=](const In& in) {
                  const Tensor e = exp(scores(in));
                  return matmul(e * (1.0 / sum(e, -1, keepdims)), in["v"]);
                }});
  expect_fused({"divided after", s.inputs(), [=](const In& in) {
                  const Tensor e = exp(scores(in));
                  return matmul(e, in["v"]) / sum(e, -1, keepdims);
                }});
  expect_fused({"reciprocal after, heads merged", s.inputs(), [=](const In& in) {
                  const Tensor x = scores(in);
                  const Tensor e = exp(x - max(x, -1, keepdims));
                  return transpose(matmul(e, in["v"]), {0, 2, 1, 3}) *
                         (1.0 / transpose(sum(e, -1, keepdims), {0, 2, 1, 3}));
                }});
  expect_fused({"masked after exp", s.inputs(), [=](const In& in) {
                  const Tensor x = scores(in);
                  const Tensor seen = iota(x.shape(), 3) <= iota(x.shape(), 2) + 3;
                  const Tensor e = where(seen, exp(x - max(x, -1, keepdims)), 0.0);
                  return matmul(e / sum(e, -1, keepdims), in["v"]);
                }});
  expect_fused({"exp of log softmax", s.inputs(),
                [=](const In& in) { return matmul(exp(log_softmax(scores(in))), in["v"]); }});
}

TEST_P(AttentionForms, Scale) {
  const Sizes s;
  expect_fused(with_scores("after", [](Tensor x) { return x / std::sqrt(20.0); }));
  expect_fused({"on q", s.inputs(), [](const In& in) {
                  return matmul(softmax(matmul(in["q"] * 0.2, transpose(in["k"], {0, 1, 3, 2}))), in["v"]);
                }});
  expect_fused({"on k", s.inputs(), [](const In& in) {
                  return matmul(softmax(matmul(in["q"], transpose(in["k"] / 5.0, {0, 1, 3, 2}))), in["v"]);
                }});
}

TEST_P(AttentionForms, Scores) {
  const Sizes s;
  expect_fused(with_scores(
      "causal", [&](Tensor x) { return where(key_index() <= query_index(), x * 0.2, -kInfinity); }));
  expect_fused(with_scores("causal of a large number",
                           [&](Tensor x) { return where(key_index() > query_index(), -1e9, x * 0.2); }));
  expect_fused(with_scores("causal, added", [&](Tensor x) {
    return x * 0.2 + where(key_index() > query_index(), -kInfinity, 0.0);
  }));
  expect_fused(with_scores("soft cap", [](Tensor x) { return tanh(x / 3.0) * 3.0; }));
  expect_fused(with_scores("alibi", [&](Tensor x) {
    const Tensor slope = reshape(exp(cast(arange(4), f32) * -0.7), {4, 1, 1});
    return x * 0.2 + slope * cast(key_index() - query_index(), f32);
  }));
  expect_fused(with_scores("window", [&](Tensor x) {
    const Tensor distance = query_index() - key_index();
    return where((distance < 6) & (distance > -6), x, -kInfinity);
  }));
  Form lengths{"lengths", s.inputs_and({"lengths", i32, {s.batch}}), [&](const In& in) {
                 const Tensor seen = key_index() < reshape(in["lengths"], {s.batch, 1, 1, 1});
                 return by_hand(in, [&](Tensor x) { return where(seen, x, -kInfinity); });
               }};
  lengths.most_length = static_cast<int>(s.keys);
  expect_fused(lengths);
}

TEST_P(AttentionForms, Bias) {
  const Sizes s;
  const auto form = [&](const std::string& name, std::vector<Extent> shape) {
    Form result{name, s.inputs_and({"bias", f32, std::move(shape)}),
                [](const In& in) { return by_hand(in, [&](Tensor x) { return x * 0.2 + in["bias"]; }); }};
    result.wrt = {"q", "k", "v", "bias"};
    return result;
  };
  const Sizes all = s;
  expect_fused(form("full", {s.batch, s.heads, s.queries, s.keys}), all);
  expect_fused(form("head and query and key", {s.heads, s.queries, s.keys}), all, kBias);
  expect_fused(form("query and key", {s.queries, s.keys}), all, kBias);
  expect_fused(form("batch and key", {s.batch, 1, 1, s.keys}), all, kBias);
  expect_fused(form("key", {s.keys}), all, kBias);
  expect_fused(form("query", {s.queries, 1}), all, kBias);
  expect_fused(form("head", {s.heads, 1, 1}), all, kBias);
  expect_fused(form("batch and head", {s.batch, s.heads, 1, 1}), all);
}

TEST_P(AttentionForms, Layouts) {
  const Sizes s;
  std::vector<Input> swapped{{"q", f32, {s.batch, s.queries, s.heads, s.width}},
                             {"k", f32, {s.batch, s.keys, s.heads, s.width}},
                             {"v", f32, {s.batch, s.keys, s.heads, s.values}}};
  expect_fused({"time before heads", swapped, [&](const In& in) {
                  const Tensor q = transpose(in["q"], {0, 2, 1, 3}), k = transpose(in["k"], {0, 2, 1, 3});
                  const Tensor y = attention(q, k, transpose(in["v"], {0, 2, 1, 3}));
                  return reshape(transpose(y, {0, 2, 1, 3}), {s.batch, s.queries, s.heads * s.values});
                }});
  expect_fused({"einsum", swapped, [&](const In& in) {
                  const Tensor x = contract(in["q"], in["k"], "bqhw,bkhw->bhqk");
                  return contract(softmax(x * 0.2), in["v"], "bhqk,bkhu->bqhu");
                }});
  expect_fused({"keys before queries", swapped, [&](const In& in) {
                  const Tensor x = contract(in["k"], in["q"], "bkhw,bqhw->bhkq");
                  return contract(in["v"], softmax(x * 0.2, 2), "bkhu,bhkq->bqhu");
                }});
  expect_fused({"one batch axis",
                {{"q", f32, {6, 20, 16}}, {"k", f32, {6, 31, 16}}, {"v", f32, {6, 31, 8}}},
                [](const In& in) {
                  return contract(softmax(contract(in["q"], in["k"], "bqw,bkw->bqk")), in["v"],
                                  "bqk,bku->bqu");
                }},
               {.queries = 20, .keys = 31});
  expect_fused({"no batch axis",
                {{"q", f32, {40, 16}}, {"k", f32, {31, 16}}, {"v", f32, {31, 8}}},
                [](const In& in) {
                  return matmul(softmax(matmul(in["q"], transpose(in["k"], {1, 0}))), in["v"]);
                }},
               {.queries = 40, .keys = 31});
}

TEST_P(AttentionForms, Heads) {
  const Sizes s;
  for (const int64_t groups : {1, 2}) {
    const std::string name = fmt::format("{} key heads", groups);
    expect_fused({name, s.inputs(groups),
                  [](const In& in) { return attention(in["q"], in["k"], in["v"], {.causal = true}); }});
    // One head repeated is a head that all read; of several, the gradients of the copies are summed by a
    // kernel beside, and are as long as the keys.
    const Sizes long_queries{.queries = 200};
    const bool one = groups == 1;
    const Sizes& sizes = one ? s : long_queries;
    expect_fused({name + " repeated", sizes.inputs(groups),
                  [=](const In& in) {
                    const auto repeat = [&](Tensor x) {
                      const Shape shape = x.shape();
                      x = broadcast_to(expand_dims(x, 2), {shape[0], groups, 4 / groups, shape[2], shape[3]});
                      return reshape(x, {shape[0], 4, shape[2], shape[3]});
                    };
                    return attention(in["q"], repeat(in["k"]), repeat(in["v"]));
                  }},
                 sizes, one ? "attention attention_backward" : "attention attention_backward together");
  }
}

TEST_P(AttentionForms, SizesOfAllSorts) {
  using Lengths = std::vector<std::pair<int64_t, int64_t>>;
  // Each takes a driver of the GPU a second to compile.
  const bool is_cpu = GetParam() == "cpu";
  const auto widths = is_cpu ? std::vector<int64_t>{1, 5, 16, 64, 80} : std::vector<int64_t>{5, 20, 80};
  const auto lengths = is_cpu
                           ? Lengths{{1, 1}, {1, 9}, {2, 3}, {7, 1}, {10, 10}, {50, 50}, {65, 70}, {130, 97}}
                           : Lengths{{1, 1}, {1, 130}, {7, 1}, {65, 70}};
  for (const int64_t width : widths) {
    for (const auto& [queries, keys] : lengths) {
      const Sizes s{1, 3, queries, keys, width, width};
      const Form form{fmt::format("{} queries, {} keys, width {}", queries, keys, width), s.inputs(),
                      [](const In& in) { return attention(in["q"], in["k"], in["v"], {.causal = true}); }};
      SCOPED_TRACE(form.name);
      check(form, false);
      const Outcome outcome = check(form, true);
      const bool large = queries > 1 && keys > 1 && width > 1;
      EXPECT_TRUE(!large || outcome.anchors == "attention attention_backward") << outcome.anchors;
    }
  }
}

// Vectors of columns, of which there is one.
TEST_P(AttentionForms, OneValueAKey) {
  const Sizes s{1, 2, 20, 30, 8, 1};
  expect_fused({"one value", s.inputs(),
                [](const In& in) { return attention(in["q"], in["k"], in["v"], {.causal = true}); }},
               s);
}

TEST_P(AttentionForms, Everything) {
  const Sizes s{2, 4, 70, 70, 16, 16};
  std::vector<Input> inputs = s.inputs(2);
  inputs.push_back({"bias", f32, {4, 70, 70}});
  inputs.push_back({"lengths", i32, {2}});
  Form form{"everything", inputs, [](const In& in) {
              return attention(in["q"], in["k"], in["v"],
                               {.scale = 0.5,
                                .causal = true,
                                .lengths = in["lengths"],
                                .bias = in["bias"],
                                .window = 30,
                                .softcap = 3.0,
                                .dropout = 0.2});
            }};
  form.training = true;
  form.most_length = 70;
  form.wrt = {"q", "k", "v", "bias"};
  expect_fused(form, s, kBias);
}

// Every access in bounds, no race between units, nothing read before it is written.
TEST_P(AttentionForms, LoopsAreSound) {
  for (const auto& [queries, keys] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 7}, {10, 10}, {13, 50}, {70, 21}}) {
    const Sizes s{2, 2, queries, keys, 6, 5};
    Form form{fmt::format("{} queries, {} keys", queries, keys),
              s.inputs_and({"bias", f32, {2, queries, keys}}), [](const In& in) {
                return attention(in["q"], in["k"], in["v"],
                                 {.causal = true, .bias = in["bias"], .window = 9});
              }};
    form.wrt = {"q", "k", "v", "bias"};
    form.interpreted = true;
    check(form, true);
  }
}

TEST_P(AttentionForms, LargeScores) {
  Form form = with_scores("large", [](Tensor x) { return x; });
  form.scale = 40;
  expect_fused(form);
  expect_fused(with_scores("rows of -1e9", [](Tensor x) { return where(x > 1e30, x, -1e9); }));
}

INSTANTIATE_TEST_SUITE_P(Devices, AttentionForms, ::testing::Values("cpu", "vulkan"),
                         [](const auto& device) { return device.param; });

}  // namespace
}  // namespace sinter::test
