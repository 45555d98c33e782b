#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include "ir/graph/text/text.h"
#include "passes/explain/fallbacks.h"
#include "tests/support/message_of.h"
#include "tests/support/this_line.h"

// What a strict program refuses, and why.
namespace sinter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refused(const std::vector<Input>& inputs, const Program::Body& body,
                    const std::string& device = "cpu") {
  Program strict, lenient;
  for (Program* program : {&strict, &lenient}) program->add("f", inputs, body);
  const std::string message = message_of([&] { strict.compile({.device = device, .strict = true}); });
  lenient.compile({.device = device});
  const std::string explained = lenient.explain("f");
  // What explain says of it, too.
  const size_t first = message.find("\n  ");
  if (first == std::string::npos) {
    EXPECT_EQ(explained.find("falls back"), std::string::npos) << explained;
  } else if (device != "reference") {
    EXPECT_THAT(explained, HasSubstr("falls back: " + message.substr(first + 3)));
  }
  return message;
}

using Attend = std::function<Tensor(const Tensor& q, const Tensor& k, const Tensor& v)>;

std::string refused(const Attend& attend, const std::string& device = "cpu", int64_t width = 16) {
  const std::vector<Extent> shape{2, 64, width};
  return refused(
      {{"q", f32, shape}, {"k", f32, shape}, {"v", f32, shape}},
      [&](const Inputs& in) -> Outputs {
        return {{"y", attend(in["q"], in["k"], in["v"])}};
      },
      device);
}

Tensor scores_of(const Tensor& q, const Tensor& k) {
  return matmul(q, transpose(k, {0, 2, 1})) * 0.25;
}

TEST(Strict, TakesAttentionThatIsOneKernel) {
  for (const char* device : {"cpu", "vulkan"}) {
    EXPECT_THAT(refused([](const Tensor& q, const Tensor& k,
                           const Tensor& v) { return matmul(softmax(scores_of(q, k)), v); },
                        device),
                IsEmpty());
    EXPECT_THAT(refused(
                    [](const Tensor& q, const Tensor& k, const Tensor& v) {
                      const std::vector<Tensor> gradients =
                          grad(sum(square(matmul(softmax(scores_of(q, k)), v))), {q, k, v});
                      return gradients[0] + gradients[1] + gradients[2];
                    },
                    device),
                IsEmpty());
  }
}

TEST(Strict, RefusesAttentionWhoseProbabilitiesAreUsed) {
  const int line = this_line() + 2;
  const auto attend = [](const Tensor& q, const Tensor& k, const Tensor& v) {
    const Tensor weights = softmax(scores_of(q, k));
    return matmul(weights, v) + max(weights, -1, KeepDims::yes);
  };
  EXPECT_EQ(
      refused(attend),
      fmt::format("strict: of 'f' 1 falls back:\n"
                  "  attention is no kernel of its own: softmax (strict_test.cc:{}): its probabilities are "
                  "used elsewhere, too: by reduce_max (strict_test.cc:{})",
                  line, line + 1));
}

TEST(Strict, RefusesAttentionWhoseScoresAreUsed) {
  EXPECT_THAT(refused([](const Tensor& q, const Tensor& k, const Tensor& v) {
                const Tensor scores = scores_of(q, k);
                return matmul(softmax(scores), v) + max(scores, -1, KeepDims::yes);
              }),
              HasSubstr("what its scores become is used elsewhere, too: by reduce_max (strict_test.cc:"));
}

// A batch of one is reshaped away before the product.
TEST(Strict, NamesWhatUsesProbabilitiesBehindViews) {
  const auto attend = [](const auto& others) {
    return refused({{"x", f32, {1, 32, 64}}}, [&](const Inputs& in) -> Outputs {
      const Tensor x = in["x"], weights = softmax(contract(x, x, "bqw,bkw->bqk"));
      return {{"y", contract(weights, x, "bqk,bkw->bqw")}, {"other", others(weights)}};
    });
  };
  EXPECT_THAT(attend([](const Tensor& weights) { return weights; }),
              HasSubstr("its probabilities are used elsewhere, too: it is returned"));
  EXPECT_THAT(attend([](const Tensor& weights) {
                return max(reshape(weights, {32, 32}), 0);
              }),
              HasSubstr("its probabilities are used elsewhere, too: by reduce_max (strict_test.cc:"));
}

TEST(Strict, RefusesAttentionWithWorkThatIsNotLinear) {
  EXPECT_THAT(refused([](const Tensor& q, const Tensor& k, const Tensor& v) {
                return matmul(square(softmax(scores_of(q, k)) + 1.0), v);
              }),
              HasSubstr("is not linear in its probabilities"));
}

TEST(Strict, RefusesAttentionOfTwoContractions) {
  EXPECT_THAT(refused([](const Tensor& q, const Tensor& k, const Tensor& v) {
                return matmul(softmax(scores_of(q, k) + scores_of(k, v)), v);
              }),
              HasSubstr("its scores come from two contractions, the other one (strict_test.cc:"));
}

TEST(Strict, RefusesAttentionThatTheDeviceHasNoKernelFor) {
  const auto attend = [](const Tensor& q, const Tensor& k, const Tensor& v) {
    return matmul(softmax(scores_of(q, k)), v);
  };
  EXPECT_THAT(refused(attend, "cpu", 4096), IsEmpty());
  EXPECT_THAT(
      refused(attend, "vulkan", 4096),
      HasSubstr("no workgroup of the device holds queries and keys of 4096 elements and values of 4096"));
}

// Of a product on a GPU with so much shared memory.
std::vector<std::string> product_on_gpu(int64_t shared_bytes, int64_t terms) {
  loop::Target target;
  target.kind = loop::Target::Kind::gpu;
  target.subgroup_size = 32;
  target.max_workgroup_size = 256;
  target.max_workgroups = 65535;
  target.shared_bytes = shared_bytes;
  const std::string text = fmt::format(R"(func @f(%x: f32[64,{0}], %y: f32[{0},64]) {{
  %0: f32[64,64] = contract %x, %y {{dims="ik,kj->ij"}} @"model.cc":7
  return %0
}}
)",
                                       terms);
  return passes::fallbacks(graph::parse(text, "f.sg"), "f", target, {});
}

TEST(Strict, RefusesAProductThatIsNotTiled) {
  EXPECT_THAT(product_on_gpu(48 << 10, 64), IsEmpty());
  EXPECT_THAT(product_on_gpu(1 << 10, 4), IsEmpty());
  EXPECT_THAT(
      product_on_gpu(1 << 10, 64),
      ::testing::ElementsAre("a product is not tiled: contract (model.cc:7): no tile of its sums of 64 terms "
                             "fits a workgroup and its shared memory"));
}

// A classifier's head, or a gate: no contraction follows, or none stands before.
TEST(Strict, TakesASoftmaxThatIsNoAttention) {
  EXPECT_THAT(
      refused([](const Tensor& q, const Tensor& k, const Tensor&) { return softmax(scores_of(q, k)); }),
      IsEmpty());
  EXPECT_THAT(refused([](const Tensor& q, const Tensor&, const Tensor& v) {
                return matmul(transpose(softmax(q), {0, 2, 1}), v);
              }),
              IsEmpty());
}

// As many ways lead through it as there are subsets of its sums.
TEST(Strict, TakesASoftmaxBeforeManySums) {
  EXPECT_THAT(refused([](const Tensor& q, const Tensor& k, const Tensor&) {
                Tensor y = softmax(scores_of(q, k));
                for (int i = 0; i < 64; ++i) y = y + tanh(y);
                return y;
              }),
              IsEmpty());
}

TEST(Strict, RefusesADeviceThatExecutesOpsOnTheHost) {
  int line = 0;
  const std::string said = refused(
      {{"x", f32, {4}}},
      [&](const Inputs& in) -> Outputs {
        line = this_line() + 1;
        return {{"y", exp(in["x"])}};
      },
      "reference");
  EXPECT_EQ(said, fmt::format("strict: of 'f' 1 falls back:\n"
                              "  exp (strict_test.cc:{}): the device executes each op on the host",
                              line));
}

TEST(Strict, IsAskedAgainForSizesThatAreNew) {
  const Dim width{"width"};
  Program program;
  program.add("f", {{"q", f32, {2, 64, width}}}, [](const Inputs& in) -> Outputs {
    return {{"y", matmul(softmax(scores_of(in["q"], in["q"])), in["q"])}};
  });
  program.compile({.device = "vulkan", .dims = {{width, 16}}, .strict = true});
  program.function("f");
  EXPECT_THAT(message_of([&] {
                program.function("f", {{width, 4096}});
              }),
              HasSubstr("strict: of 'f.width_4096' 1 falls back:"));
}

TEST(Strict, IsNothingWithoutFusion) {
  Program program;
  program.add("f", {{"x", f32, {4}}}, [](const Inputs& in) -> Outputs { return {{"y", in["x"]}}; });
  const int line = this_line() + 1;
  const std::string said = message_of([&] { program.compile({.fuse = false, .strict = true}); });
  EXPECT_EQ(said,
            fmt::format("compile: fuse must be true where strict is, got false (strict_test.cc:{})", line));
}

}  // namespace
}  // namespace sinter
