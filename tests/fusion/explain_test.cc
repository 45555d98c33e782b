#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

// What explain says: kernels with their ops, and why an op that could have joined stands apart.
namespace sinter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string explained(std::vector<Input> inputs, const Program::Body& body,
                      const std::string& device = "cpu") {
  Program program;
  program.add("f", std::move(inputs), body);
  program.compile({.device = device});
  return program.explain("f");
}

TEST(Explain, SaysWhyAReductionDoesNotJoinAContraction) {
  const std::string text =
      explained({{"x", f32, {64, 32}}, {"w", f32, {32, 16}}}, [](const Inputs& in) -> Outputs {
        return {{"y", max(relu(matmul(in["x"], in["w"])), -1)}};
      });
  EXPECT_THAT(text, HasSubstr("f: 2 kernels"));
  EXPECT_THAT(text, HasSubstr("apart: reduce_max does not join 'contract' (explain_test.cc:"));
  EXPECT_THAT(text, HasSubstr("a reduction takes no part in kernels of the anchor contract"));
}

TEST(Explain, SaysWhyAnElementwiseOpDoesNotJoinATopK) {
  const std::string text = explained({{"x", f32, {64, 32}}}, [](const Inputs& in) -> Outputs {
    return {{"y", top_k(in["x"], 3).values * 2.0}};
  });
  EXPECT_THAT(text, HasSubstr("apart: mul does not join 'top_k' (explain_test.cc:"));
  EXPECT_THAT(text, HasSubstr("the schedule of top_k takes no other work"));
}

TEST(Explain, HasNothingToSayOfWhatIsOneKernel) {
  const std::string text = explained({{"x", f32, {64, 32}}}, [](const Inputs& in) -> Outputs {
    return {{"y", softmax(gelu(in["x"] + 1.0))}};
  });
  EXPECT_THAT(text, HasSubstr("f: 1 kernel"));
  EXPECT_THAT(text, Not(HasSubstr("apart:")));
}

TEST(Explain, ListsTheOpsOfAttention) {
  const std::vector<Extent> shape{1, 2, 64, 16};
  const std::string text =
      explained({{"q", f32, shape}, {"k", f32, shape}, {"v", f32, shape}}, [](const Inputs& in) -> Outputs {
        return {{"y", attention(in["q"], in["k"], in["v"], {.causal = true})}};
      });
  EXPECT_THAT(text, HasSubstr("f: 1 kernel"));
  for (const char* op :
       {"contract explain_test.cc:", "softmax explain_test.cc:", "select explain_test.cc:"}) {
    EXPECT_THAT(text, HasSubstr(op));
  }
}

TEST(Memory, SaysWhatIsAliveAndWhereItWasMade) {
  Program program;
  program.add("f", {{"x", f32, {64, 32}}, {"w", f32, {32, 32}}}, [](const Inputs& in) -> Outputs {
    const Tensor hidden = relu(matmul(in["x"], in["w"]));
    return {{"y", max(matmul(hidden, in["w"]), -1)}};
  });
  program.compile({.device = "cpu"});
  const std::string text = program.memory("f");
  EXPECT_THAT(text, HasSubstr("f: arena 16384 bytes; 16384 bytes alive at step 2:"));
  EXPECT_THAT(text, HasSubstr("8192 bytes at          0  contract"));
  EXPECT_THAT(text, HasSubstr("(explain_test.cc:"));
}

// A GPU sums columns by themselves: a row is one lane's work there.
TEST(Explain, IsOfTheDeviceThatWasCompiledFor) {
  const auto body = [](const Inputs& in) -> Outputs {
    const Tensor y = layer_norm(in["x"], in["scale"]);
    return {{"d", grad(sum(y * y), {in["scale"]})[0]}};
  };
  const std::vector<Input> inputs = {{"x", f32, {256, 64}}, {"scale", f32, {64}}};
  EXPECT_NE(explained(inputs, body, "cpu"), explained(inputs, body, "vulkan"));
}

}  // namespace
}  // namespace sinter
