#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "passes/differentiate/differentiate.h"
#include "passes/inline_calls/inline_calls.h"
#include "tests/gradients/rows.h"

namespace sinter::test {
namespace {

using graph::Attributes;
using graph::Builder;
using graph::DType;
using graph::Function;
using graph::OpCode;
using graph::Value;

const std::vector<Sample> kOperands{real({2, 3}), real({3, 3})};

int64_t count(const Function& function, OpCode code) {
  return std::count_if(function.ops().begin(), function.ops().end(),
                       [&](const auto& op) { return op->code == code; });
}

// f(x, w) = (sigmoid(x w), sum of squares)
Function& layer(graph::Module& module) {
  Function& function = module.add_function("layer");
  Builder b(module, function);
  const Value x = b.parameter("x", {DType::f64, {2, 3}}), w = b.parameter("w", {DType::f64, {3, 3}});
  const Value y = b.emit(OpCode::sigmoid, {b.contract(x, w, "bi,ij->bj")}).result();
  b.output("y", y);
  b.output("norm", b.reduce_sum(b.mul(y, y), {0, 1}));
  return function;
}

Point calling(const Attributes& attributes) {
  return make_point(kOperands, [&](Builder& b, const std::vector<Value>& p) {
    const auto first = b.call(layer(b.module()), p, attributes);
    const auto second = b.call(*b.module().find_function("layer"), {first[0], p[1]}, attributes);
    return std::vector<Value>{b.sin(second[0]), first[1]};
  });
}

TEST(CallGradient, InlinesWhatHasNoCheckpoint) {
  const Point derivative = gradient(calling({}));
  EXPECT_EQ(count(function(derivative), OpCode::call), 0);
  check_gradient(calling({}), 2);
}

TEST(CallGradient, RepeatsACheckpointUnderABarrier) {
  const Point point = calling({{"checkpoint", true}});
  const Point derivative = gradient(point);
  EXPECT_EQ(count(function(derivative), OpCode::barrier), 2);
  EXPECT_EQ(count(function(derivative), OpCode::sigmoid), 2);
  check_gradient(point, 3);
}

TEST(CallGradient, OfACheckpointIsThatOfThePlainCallToTheBit) {
  const auto plain = evaluate(gradient(calling({}))),
             repeated = evaluate(gradient(calling({{"checkpoint", true}})));
  for (size_t i = 0; i < plain.size(); ++i) {
    EXPECT_THAT(plain[i].values<double>(), ::testing::ElementsAreArray(repeated[i].values<double>()));
  }
}

TEST(CallGradient, RefusesToRepeatWorkOnStateThatTheCalleeWrites) {
  graph::Module module = graph::parse(R"(
state @s: f32[]

func @counted(%x: f32[]) {
  %0: f32[] = read {state="s"}
  %1: f32[] = mul %0, %x
  %2: f32[] = mul %1, %1
  write %2 {state="s"}
  return y=%2
}

func @main(%x: f32[]) {
  %0: f32[] = call %x {checkpoint=true,function="counted"} @"model.cpp":7 "block"
  %1: f32[] = grad %0, %x
  return d=%1
}
)");
  try {
    passes::differentiate(module);
    FAIL();
  } catch (const GraphError& error) {
    EXPECT_STREQ(
        error.what(),
        "differentiate: the gradient of 'counted' would repeat work on state 's', which 'counted' writes; "
        "move the write out of it (model.cpp:7, in block)");
  }
}

// A straight-through estimator: forward sign(x) * w, backward as if x * w.
Point straight_through(const std::string& text) {
  Point point;
  point.module = graph::parse(text);
  point.inputs =
      make_point({real({3}), real({3})}, [](Builder&, const std::vector<Value>& p) { return p; }).inputs;
  return point;
}

constexpr const char* kStraightThrough = R"(
func @quantised(%x: f64[3], %w: f64[3]) {
  %0: f64[3] = sign %x
  %1: f64[3] = mul %0, %w
  return y=%1
}

func @straight(%x: f64[3], %w: f64[3], %g: f64[3]) {
  %0: f64[3] = mul %g, %w
  %1: f64[3] = mul %g, %x
  return dx=%0, dw=%1
}

func @f(%x: f64[3], %w: f64[3]) {
  %0: f64[3] = call %x, %w {function="quantised",vjp="straight"} @"model.cpp":3
  return y=%0
}
)";

TEST(CallGradient, IsTheCustomOneWhereGiven) {
  const Point derivative = gradient(straight_through(kStraightThrough));
  const auto gradients = evaluate(derivative);
  for (size_t i = 0; i < 3; ++i) {
    const auto input = [&](size_t n) { return derivative.inputs[n].values<double>()[i]; };
    EXPECT_EQ(gradients[0].values<double>()[i], input(2) * input(1));
    EXPECT_EQ(gradients[1].values<double>()[i], input(2) * input(0));
  }
  check_gradient(derivative, 1);  // the custom gradient is itself differentiated by the rules
}

TEST(CallGradient, SaysWhatIsWrongWithACustomOne) {
  std::string text = kStraightThrough;
  text.replace(text.find(", dw=%1"), 7, "");
  try {
    gradient(straight_through(text));
    FAIL();
  } catch (const GraphError& error) {
    EXPECT_STREQ(error.what(),
                 "call: the vjp 'straight' of 'quantised' returns 1 values for 2 floating operands "
                 "(model.cpp:3)");
  }
}

// Of a rank alone: of several, each leaf gets what all ranks make of the sum.
TEST(ControlGradients, PassASumOfRanks) {
  const std::vector<Sample> operands = {real({1, 2, 3}), real({1, 4})};
  check_gradient(make_point(operands, [](Builder& b, const std::vector<Value>& p) {
    const std::vector<Value> sums = b.all_reduce({b.sin(p[0]), p[1]}, "sum", 1, {});
    return std::vector{b.exp(sums[0]), b.mul(sums[1], sums[1])};
  }));
}

TEST(BarrierGradient, PassesUnderABarrier) {
  const Point point = make_point(kOperands, [](Builder& b, const std::vector<Value>& p) {
    const auto passed = b.barrier({b.sin(p[0]), p[1]});
    return std::vector<Value>{b.contract(passed[0], passed[1], "bi,ij->bj")};
  });
  EXPECT_EQ(count(function(gradient(point)), OpCode::barrier), 2);
  check_gradient(point, 2);
}

TEST(KernelGradient, IsThatOfItsBody) {
  const Point point = make_point({real({2, 3}), real({2, 3})}, [](Builder& b, const std::vector<Value>& p) {
    auto op = std::make_unique<graph::Op>();
    op->code = OpCode::kernel;
    op->operands = p;
    op->results = {p[0].type()};
    op->attributes = {{"anchor", "map"}};
    op->body = std::make_unique<Function>("body");
    Builder body(b.module(), *op->body);
    const Value a = body.parameter("a", p[0].type()), c = body.parameter("b", p[1].type());
    body.output("y", body.mul(body.sin(a), c));
    return std::vector<Value>{b.function().append(std::move(op)).result()};
  });
  check_gradient(point, 2);
}

TEST(Differentiate, ExpandsTheEarliestGradFirst) {
  graph::Module module = graph::parse(R"(
func @main(%x: f64[]) {
  %0: f64[] = mul %x, %x
  %1: f64[] = mul %0, %x
  %2: f64[] = grad %1, %x
  %3: f64[] = grad %2, %x
  %4: f64[] = grad %3, %x
  %5: f64[] = grad %4, %x
  return first=%2, second=%3, third=%4, fourth=%5
}
)");
  passes::differentiate(module);
  Point point{std::move(module), {runtime::HostTensor::scalar(2.0)}};
  point.module.functions[0]->rename("f");
  std::vector<double> values;
  for (const auto& tensor : evaluate(point)) values.push_back(tensor.values<double>()[0]);
  EXPECT_THAT(values, ::testing::ElementsAre(12, 12, 6, 0));
}

TEST(Differentiate, NamesAnOpWithoutARule) {
  graph::Module module = graph::parse(R"(
func @main(%x: f32[]) {
  %0: f32[] = exp %x
  %1: f32[] = grad %0, %x @"model.cpp":12 "penalty"
  return d=%1
}
)");
  Function& function = *module.functions[0];
  Builder builder(module, function);
  const Value d = function.outputs[0].value, x = function.parameters()[0]->result();
  try {
    passes::backward(builder, {d}, {builder.constant_like(1, d)}, {x});
    FAIL();
  } catch (const GraphError& error) {
    EXPECT_STREQ(error.what(), "grad: has no derivative rule (model.cpp:12, in penalty)");
  }
}

TEST(Differentiate, GivesGradientsThePlaceOfTheForwardOp) {
  graph::Module module = graph::parse(R"(
func @main(%x: f32[]) {
  %0: f32[] = exp %x @"model.cpp":4 "encoder"
  %1: f32[] = grad %0, %x @"train.cpp":9
  return d=%1
}
)");
  passes::differentiate(module);
  const graph::Op& product = *module.functions[0]->outputs[0].value.op;
  EXPECT_EQ(product.code, OpCode::mul);
  EXPECT_EQ(to_string(product.location), "model.cpp:4, in encoder");
}

TEST(Differentiate, WritesNothingWhereNothingFlows) {
  graph::Module module = graph::parse(R"(
func @main(%x: f32[3], %w: f32[3], %unused: f32[2]) {
  %0: f32[3] = tanh %w
  %1: f32[3] = mul %x, %0
  %2: f32[] = reduce_sum %1 {axes=[0]}
  %3: f32[3], %4: f32[2] = grad %2, %x, %unused
  return dx=%3, d_unused=%4
}
)");
  passes::differentiate(module);
  const Function& function = *module.functions[0];
  EXPECT_EQ(count(function, OpCode::mul), 2);
  EXPECT_EQ(count(function, OpCode::sub), 0);  // of the derivative of tanh
  EXPECT_EQ(function.outputs[1].value.op->code, OpCode::constant);
}

TEST(InlineCalls, KeepsCheckpointsUnlessToldOtherwise) {
  const Point point = calling({{"checkpoint", true}});
  graph::Module module = clone(point.module);
  passes::inline_calls(module);
  EXPECT_EQ(count(*module.find_function("f"), OpCode::call), 2);
  passes::inline_calls(module, {"all"});
  EXPECT_EQ(count(*module.find_function("f"), OpCode::call), 0);
  EXPECT_THROW(passes::inline_calls(module, {"every"}), GraphError);
}

}  // namespace
}  // namespace sinter::test
