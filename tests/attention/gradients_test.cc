#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/attention/harness.h"

// Gradients of some of what attention reads: of the queries, keys and values, and of what its scores are made
// from.
namespace sinter::test {
namespace {

using In = sinter::Inputs;

struct GradientSizes {
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
  std::vector<GradientSizes> all = {{1, 2, 4, 4, 4}, {1, 2, 70, 97, 4}};
  if (is_cpu()) all.insert(all.end(), {{1, 2, 1, 30, 5}, {1, 1, 257, 256, 2}});
  for (const GradientSizes& s : all) {
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
  const GradientSizes s{2, 4, 7, 9, 6};
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

// x at i / n of an axis, and at i % n.
Tensor stretch(const Tensor& x, int64_t axis, int64_t n) {
  Shape shape = x.shape();
  shape.insert(shape.begin() + axis + 1, n);
  const Tensor wide = broadcast_to(expand_dims(x, axis + 1), shape);
  shape.erase(shape.begin() + axis + 1);
  shape[static_cast<size_t>(axis)] *= n;
  return reshape(wide, shape);
}
Tensor tile(const Tensor& x, int64_t axis, int64_t n) {
  Shape shape = x.shape();
  shape.insert(shape.begin() + axis, n);
  const Tensor wide = broadcast_to(expand_dims(x, axis), shape);
  shape.erase(shape.begin() + axis);
  shape[static_cast<size_t>(axis)] *= n;
  return reshape(wide, shape);
}

struct Reading {
  std::string name;
  std::vector<Extent> shape;  // of what is read
  std::function<Tensor(const In& in, const Tensor& x)> result;
  int64_t groups = 1;  // query heads that share a key head
};

std::vector<Reading> readings(const GradientSizes& s) {
  const auto with_scores = [](const In& in, const std::function<Tensor(Tensor)>& f) {
    return matmul(softmax(f(matmul(in["q"], transpose(in["k"], {0, 1, 3, 2})))), in["v"]);
  };
  const auto added = [=](const std::function<Tensor(const Tensor&)>& bias) {
    return [=](const In& in, const Tensor& x) {
      return with_scores(in, [&](Tensor scores) { return scores + bias(x); });
    };
  };
  const auto biased = [](const std::function<Tensor(const Tensor&)>& bias) {
    return [=](const In& in, const Tensor& x) {
      return attention(in["q"], in["k"], in["v"], {.causal = true, .bias = bias(x)});
    };
  };
  const auto same = [](const Tensor& x) { return x; };
  const auto distance = [=] {
    return cast(iota({s.queries, s.keys}, 1) - iota({s.queries, s.keys}, 0), f32) * 0.125;
  };
  const auto sloped = [=](const Tensor& x) { return reshape(x, {s.heads, 1, 1}) * distance(); };
  std::vector<Reading> all = {
      {"blocks", {s.heads, s.queries / 2, s.keys / 2}, added([](const Tensor& x) {
         return stretch(stretch(x, 1, 2), 2, 2);
       })},
      {"blocks, computed from", {s.heads, s.queries / 2, s.keys / 2}, added([](const Tensor& x) {
         return stretch(stretch(x * x, 1, 2), 2, 2) * 0.5;
       })},
      {"every other key", {s.keys / 2}, added([](const Tensor& x) { return tile(x, 0, 2); })},
      {"pairs of queries", {s.heads, s.queries / 2, 1}, added([](const Tensor& x) {
         return stretch(x, 1, 2);
       })},
      {"windows", {s.batch / 2, 1, s.queries, s.keys}, added([](const Tensor& x) { return tile(x, 0, 2); })},
      {"beams", {s.batch / 2, 1, 1, s.keys}, added([](const Tensor& x) { return stretch(x, 0, 2); })},
      {"rows and columns", {2, s.queries / 2, s.keys}, added([](const Tensor& x) {
         return stretch(at(x, 0, 0), 0, 2) + tile(at(x, 0, 1), 0, 2);
       })},
      {"twice", {s.heads, s.keys / 2}, added([=](const Tensor& x) {
         return expand_dims(stretch(x, 1, 2), 1) + expand_dims(tile(x, 1, 2), 1);
       })},
      {"pairs of heads", {s.heads / 2, s.queries, s.keys}, biased([](const Tensor& x) {
         return stretch(x, 0, 2);
       })},
      {"temperatures of pairs of heads",
       {s.heads / 2},
       [=](const In& in, const Tensor& x) {
         return with_scores(in, [&](Tensor scores) {
           return scores * reshape(stretch(x, 0, 2), {s.heads, 1, 1});
         });
       }},
      {"gates of pairs of heads",
       {s.heads / 2, 1, s.keys},
       [=](const In& in, const Tensor& x) {
         const Tensor weights = softmax(matmul(in["q"], transpose(in["k"], {0, 1, 3, 2})));
         return matmul(weights * stretch(x, 0, 2), in["v"]);
       }},
      {"slopes", {s.heads}, biased(sloped)},
      {"slopes, grouped keys", {s.heads}, biased(sloped), 2},
      {"grouped keys", {s.heads, s.queries, s.keys}, biased(same), 2},
      {"grouped keys, of keys alone", {s.heads, 1, s.keys}, biased(same), 2},
      {"grouped keys, of pairs",
       {s.heads / 2, 1, s.keys / 2},
       biased([](const Tensor& x) { return stretch(stretch(x, 0, 2), 2, 2); }),
       2},
      {"grouped keys by hand",
       {s.heads, 1, s.keys},
       [=](const In& in, const Tensor& x) {
         const Shape heads = {s.batch, s.heads, s.queries, s.keys};
         const Shape groups = {s.batch, s.heads / 2, 2, s.queries, s.keys};
         const Tensor q = reshape(in["q"], {s.batch, s.heads / 2, 2, s.queries, s.width});
         const Tensor scores = reshape(contract(q, in["k"], "bgrqw,bgkw->bgrqk"), heads);
         const Tensor weights = reshape(softmax(scores + x), groups);
         return contract(weights, in["v"], "bgrqk,bgku->bgrqu");
       },
       2},
  };
  if (s.queries == s.keys) {
    all.push_back({"at query and key", {s.heads, s.keys}, added([](const Tensor& x) {
                     return expand_dims(x, 2) + expand_dims(x * x, 1);
                   })});
  }
  return all;
}

// Units of work race, lanes overwrite one another and workgroups store where they should add up, if what they
// make the gradient of is not their own.
TEST_P(AttentionGradients, OfPartOfAnAxis) {
  std::vector<GradientSizes> all = {{4, 4, 8, 12, 4}, {2, 2, 6, 6, 3}};
  all.push_back(is_cpu() ? GradientSizes{2, 2, 70, 98, 3} : GradientSizes{2, 2, 34, 36, 3});
  for (const GradientSizes& s : all) {
    for (const Reading& reading : readings(s)) {
      Form form{fmt::format("{}, {}", reading.name, s.name()), s.inputs(), nullptr};
      for (const size_t i : {1, 2}) {
        std::vector<Extent> shape(form.inputs[i].shape.begin(), form.inputs[i].shape.end());
        shape[1] = s.heads / reading.groups;
        form.inputs[i].shape = shape;
      }
      form.inputs.push_back({"x", f32, reading.shape});
      form.body = [&](const In& in) { return reading.result(in, in["x"]); };
      form.interpreted = s.queries < 20;
      form.threads = {1, 3};
      form.wrt = {"x"};
      EXPECT_TRUE(check(form, true, GetParam().c_str()).anchors.starts_with("attention attention_backward"));
      if (&s != &all.front()) continue;
      form.interpreted = false;
      form.threads = {2};
      form.wrt = {"q", "k", "v", "x"};
      check(form, true, GetParam().c_str());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, AttentionGradients, ::testing::Values("cpu", "vulkan"),
                         [](const auto& device) { return device.param; });

}  // namespace
}  // namespace sinter::test
