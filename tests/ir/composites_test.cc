#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "ir/error.h"
#include "ir/graph/builder.h"
#include "tests/support/message_of.h"

namespace sinter::graph {
namespace {

struct Example {
  OpCode code;
  std::vector<TensorType> operands;
  Attributes attributes;
};

TensorType floats(Shape shape) {
  return {DType::f32, std::move(shape)};
}

Attributes convolution_attributes(Shape padding, int64_t groups) {
  const Shape ones(padding.size(), 1);
  return {{"stride", ones}, {"padding", std::move(padding)}, {"dilation", ones}, {"groups", groups}};
}

Example attention(int64_t heads, int64_t groups, Attributes attributes) {
  attributes.set("scale", 0.5);
  return {OpCode::attention,
          {floats({2, heads, 3, 8}), floats({2, groups, 5, 8}), floats({2, groups, 5, 4})},
          std::move(attributes)};
}

Example example(OpCode code) {
  const std::vector<TensorType> x{floats({4, 6})};
  switch (code) {
    case OpCode::softmax:
    case OpCode::log_softmax:
      return {code, x, {{"axis", int64_t{0}}}};
    case OpCode::cross_entropy:
      return {code, {floats({4, 6}), {DType::i32, {4}}}, {}};
    case OpCode::layer_norm:
    case OpCode::rms_norm:
      return {code, x, {{"epsilon", 1e-5}}};
    case OpCode::binary_cross_entropy:
      return {code, {floats({4, 6}), floats({4, 6})}, {}};
    case OpCode::leaky_relu:
      return {code, x, {{"slope", 0.1}}};
    case OpCode::elu:
      return {code, x, {{"alpha", 1.0}}};
    case OpCode::mean:
    case OpCode::variance:
      return {code, x, {{"axes", Shape{1}}}};
    case OpCode::dropout:
      return {code, x, {{"rate", 0.5}, {"key", int64_t{1}}}};
    case OpCode::attention:
      return attention(2, 2, {{"causal", true}});
    case OpCode::attention_weights:
      return {code, {floats({2, 4, 3, 8}), floats({2, 2, 5, 8})}, {{"scale", 0.5}}};
    case OpCode::convolution:
      return {code, {floats({1, 2, 5}), floats({3, 2, 3})}, convolution_attributes({1}, 1)};
    case OpCode::flat_places:
      return {code, {{DType::i32, {4, 2, 3}}}, {{"axis", int64_t{1}}, {"extent", int64_t{6}}}};
    case OpCode::max_pool:
    case OpCode::average_pool:
      return {code, {floats({1, 2, 6})}, {{"size", Shape{2}}, {"stride", Shape{2}}}};
    default:
      return {code, x, {}};
  }
}

// An example's decomposition, and what its operands became.
class Decomposition {
 public:
  explicit Decomposition(const Example& example) : builder_(module_, function_) {
    for (const TensorType& type : example.operands) {
      operands_.push_back(builder_.parameter(fmt::format("x{}", operands_.size()), type));
    }
    results_ = decompose(builder_, example.code, operands_, example.attributes);
  }

  std::map<OpCode, int> counts() const {
    std::map<OpCode, int> counts;
    for (const auto& op : function_.ops()) ++counts[op->code];
    return counts;
  }
  bool used_by(size_t operand, OpCode code) const {
    return std::any_of(function_.ops().begin(), function_.ops().end(), [&](const auto& op) {
      return op->code == code && std::count(op->operands.begin(), op->operands.end(), operands_[operand]) > 0;
    });
  }
  const std::vector<Value>& results() const { return results_; }

 private:
  Module module_;
  Function function_{"f"};
  Builder builder_;
  std::vector<Value> operands_, results_;
};

std::string error_of(const Example& example) {
  return message_of([&] { Decomposition{example}; });
}

TEST(Composites, AllHaveADefinitionThatDoesNotUseItself) {
  for (OpCode code : all_opcodes()) {
    if (info(code).kind != OpKind::composite) continue;
    SCOPED_TRACE(name(code));
    const Decomposition decomposition(example(code));
    EXPECT_EQ(decomposition.results().size(), 1u);
    EXPECT_EQ(decomposition.counts().count(code), 0u);
  }
}

TEST(Composites, AreElementwiseIfTheirDefinitionsAre) {
  const std::set<OpCode> elementwise = {OpCode::sigmoid,
                                        OpCode::silu,
                                        OpCode::gelu,
                                        OpCode::relu,
                                        OpCode::leaky_relu,
                                        OpCode::elu,
                                        OpCode::softplus,
                                        OpCode::sinh,
                                        OpCode::cosh,
                                        OpCode::asin,
                                        OpCode::acos,
                                        OpCode::atan,
                                        OpCode::asinh,
                                        OpCode::acosh,
                                        OpCode::atanh,
                                        OpCode::dropout,
                                        OpCode::binary_cross_entropy,
                                        OpCode::flat_places};
  for (OpCode code : all_opcodes()) {
    if (info(code).kind != OpKind::composite) continue;
    const Example of = example(code);
    Module module;
    Function function("f");
    Builder builder(module, function);
    std::vector<Value> operands;
    for (const TensorType& type : of.operands)
      operands.push_back(builder.parameter(fmt::format("x{}", operands.size()), type));
    const Op& op = builder.emit(code, operands, of.attributes);
    EXPECT_EQ(is_elementwise(op), elementwise.contains(code)) << name(code);
  }
}

TEST(Composites, PrimitivesHaveNone) {
  Module module;
  Function function("f");
  Builder builder(module, function);
  EXPECT_THROW(decompose(builder, OpCode::add, {}, {}), InternalError);
}

// Heads are grouped by the letters of the contractions: keys and values go into them as they are.
TEST(Composites, AttentionKeepsItsSoftmaxAndCopiesNoHeads) {
  for (int64_t groups : {1, 2, 4}) {
    const Decomposition decomposition(attention(4, groups, {{"rate", 0.1}, {"key", int64_t{3}}}));
    const auto counts = decomposition.counts();
    EXPECT_EQ(counts.at(OpCode::contract), 2);
    EXPECT_EQ(counts.at(OpCode::softmax), 1);
    EXPECT_EQ(counts.at(OpCode::dropout), 1);
    EXPECT_EQ(counts.count(OpCode::reshape), groups == 4 ? 0u : 1u);
    EXPECT_TRUE(decomposition.used_by(1, OpCode::contract));
    EXPECT_TRUE(decomposition.used_by(2, OpCode::contract));
    EXPECT_EQ(decomposition.results()[0].shape(), (Shape{2, 4, 3, 4}));
  }
}

TEST(Composites, CrossEntropyComparesInsteadOfGathering) {
  const auto counts = Decomposition(example(OpCode::cross_entropy)).counts();
  EXPECT_EQ(counts.count(OpCode::gather), 0u);
  EXPECT_EQ(counts.at(OpCode::iota), 1);
  EXPECT_EQ(counts.at(OpCode::check_index), 1);
}

TEST(Composites, DropoutOfEverythingDrawsNothing) {
  const auto counts =
      Decomposition({OpCode::dropout, {floats({4})}, {{"rate", 1.0}, {"key", int64_t{1}}}}).counts();
  EXPECT_EQ(counts.count(OpCode::random_uniform), 0u);
}

TEST(Composites, ErrorsOfConvolutionAndPooling) {
  const auto convolution = [](Shape x, Shape kernel, Shape padding, int64_t groups) {
    return error_of(
        {OpCode::convolution, {floats(x), floats(kernel)}, convolution_attributes(padding, groups)});
  };
  EXPECT_EQ(convolution({1, 4, 5}, {3, 3, 2}, {0}, 1),
            "convolution: kernel f32[3,3,2] with 1 groups does not fit x f32[1,4,5]");
  EXPECT_EQ(convolution({1, 4, 5}, {3, 2, 2}, {0}, 2),
            "convolution: kernel f32[3,2,2] with 2 groups does not fit x f32[1,4,5]");
  EXPECT_EQ(convolution({1, 4, 5}, {3, 4, 2}, {0, 0}, 1),
            "convolution: 'stride' has 2 entries for x f32[1,4,5] of [batch,channels,spatial...]");
  EXPECT_EQ(convolution({1, 4}, {3, 4}, {}, 1),
            "convolution: 'stride' has 0 entries for x f32[1,4] of [batch,channels,spatial...]");
  EXPECT_EQ(error_of({OpCode::convolution,
                      {floats({1, 4, 5}), floats({3, 4, 2}), floats({2})},
                      convolution_attributes({0}, 1)}),
            "convolution: bias f32[2] does not fit kernel f32[3,4,2]");
  EXPECT_EQ(error_of({OpCode::max_pool, {floats({1, 2, 6})}, {{"size", Shape{2}}, {"stride", Shape{2, 2}}}}),
            "max_pool: 'stride' has 2 entries for x f32[1,2,6] of [batch,channels,spatial...]");
}

TEST(Composites, ErrorsOfAttentionAndDropout) {
  const auto with = [](std::string_view name, TensorType type) {
    Example wrong = attention(4, 2, {{name, true}});
    wrong.operands.push_back(std::move(type));
    return error_of(wrong);
  };
  EXPECT_EQ(with("lengths", {DType::i32, {3}}), "attention: takes lengths i32[2], got i32[3]");
  EXPECT_EQ(with("bias", floats({3, 3, 5})),
            "attention: takes a bias that broadcasts to f32[2,4,3,5], got f32[3,3,5]");
  EXPECT_EQ(with("bias", floats({1, 2, 4, 3, 5})),
            "attention: takes a bias that broadcasts to f32[2,4,3,5], got f32[1,2,4,3,5]");
  EXPECT_EQ(with("mask", floats({3, 5})),
            "attention: takes a mask that broadcasts to bool[2,4,3,5], got f32[3,5]");
  EXPECT_EQ(error_of({OpCode::dropout, {floats({4})}, {{"rate", 1.5}, {"key", int64_t{1}}}}),
            "dropout: rate 1.5 is outside [0,1]");
}

}  // namespace
}  // namespace sinter::graph
