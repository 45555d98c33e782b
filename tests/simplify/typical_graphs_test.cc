#include <gtest/gtest.h>

#include "ir/graph/builder.h"
#include "ir/graph/text/text.h"
#include "passes/decompose/decompose.h"
#include "passes/differentiate/differentiate.h"
#include "passes/simplify/simplify.h"
#include "tests/simplify/compare.h"

// What is left of graphs as they occur.
namespace sinter::passes {
namespace {

using graph::Builder;
using graph::DType;
using graph::Module;
using graph::OpCode;
using graph::Value;
using test::count;

Module simplified(Module module) {
  simplify(module);
  differentiate(module);
  decompose(module);
  simplify(module);
  return module;
}

// tanh(x w^T + b) and its gradients.
Module linear_layer() {
  Module module;
  Builder b(module, module.add_function("f"));
  const Value x = b.parameter("x", {DType::f32, {32, 10, 64}});
  const Value w = b.parameter("w", {DType::f32, {16, 64}});
  const Value bias = b.parameter("b", {DType::f32, {16}});
  const Value y = b.tanh(b.add(b.matmul(x, b.transpose(w, {1, 0})), bias));
  const auto gradients = b.grad(b.reduce_sum(b.mul(y, y), {0, 1, 2}), {x, w, bias});
  for (Value gradient : gradients)
    b.output("d" + std::to_string(module.functions[0]->outputs.size()), gradient);
  return module;
}

TEST(TypicalGraphs, LinearLayerHasNoTransposes) {
  const Module module = simplified(linear_layer());
  EXPECT_EQ(count(module, OpCode::transpose), 0);
  EXPECT_EQ(count(module, OpCode::contract), 3);
  EXPECT_LE(count(module, OpCode::reshape), 2) << graph::print(module);  // of x, and of its gradient
  for (const auto& op : module.functions[0]->ops()) {
    if (op->code != OpCode::contract) continue;
    const auto dims = graph::ContractDims::parse(op->attributes.text("dims"));
    EXPECT_EQ(dims.lhs.size() + dims.rhs.size() + dims.result.size(), 6u) << dims.text();
  }
}

TEST(TypicalGraphs, AttentionHeadsNeedNoTransposes) {
  Module module;
  Builder b(module, module.add_function("f"));
  const auto heads = [&](std::string name) {
    const Value x = b.parameter(std::move(name), {DType::f32, {2, 10, 64}});
    return b.transpose(b.reshape(x, {2, 10, 4, 16}), {0, 2, 1, 3});
  };
  const Value q = heads("q"), k = heads("k"), v = heads("v");
  const Value scores = b.mul(b.matmul(q, b.swap_axes(k, 2, 3)), b.constant(0.25, DType::f32));
  const Value p = b.emit(OpCode::softmax, {scores}, {{"axis", int64_t{3}}}).result();
  b.output("y", b.reshape(b.transpose(b.matmul(p, v), {0, 2, 1, 3}), {2, 10, 64}));
  module = simplified(std::move(module));
  EXPECT_EQ(count(module, OpCode::transpose), 0) << graph::print(module);
  EXPECT_EQ(count(module, OpCode::contract), 2);
}

// The moments' corrections, the rate and what they make together are single numbers.
TEST(TypicalGraphs, AdamWComputesNumbersOnce) {
  Module module;
  module.states = {{"w", {DType::f32, {64, 32}}},
                   {"m", {DType::f32, {64, 32}}},
                   {"v", {DType::f32, {64, 32}}},
                   {"t", {DType::f32, {}}}};
  Builder b(module, module.add_function("step"));
  const Value g = b.parameter("g", {DType::f32, {64, 32}});
  const auto number = [&](double value) { return b.constant(value, DType::f32); };
  const Value t = b.add(b.read("t"), number(1));
  const Value m = b.add(b.mul(b.read("m"), number(0.9)), b.mul(g, number(0.1)));
  const Value v = b.add(b.mul(b.read("v"), number(0.999)), b.mul(b.mul(g, g), number(0.001)));
  const auto corrected = [&](Value moment, double beta) {
    const Value power = b.pow(b.broadcast_to(number(beta), {64, 32}), b.broadcast_to(t, {64, 32}));
    return b.div(moment, b.sub(number(1), power));
  };
  const Value step = b.div(corrected(m, 0.9), b.add(b.sqrt(corrected(v, 0.999)), number(1e-8)));
  const Value decayed = b.mul(b.read("w"), b.sub(number(1), b.mul(number(1e-3), number(0.01))));
  b.write("w", b.sub(decayed, b.mul(step, number(1e-3))));
  b.write("m", m);
  b.write("v", v);
  b.write("t", t);
  simplify(module);
  for (const auto& op : module.functions[0]->ops()) {
    EXPECT_TRUE(op->code != OpCode::pow || op->results[0].rank() == 0);
  }
  EXPECT_EQ(count(module, OpCode::pow), 2);
  EXPECT_EQ(count(module, OpCode::broadcast), 2);  // of the two corrections
  EXPECT_EQ(count(module, OpCode::sub), 3);        // two of numbers, one of weights
}

TEST(Simplify, MergesWhatIsEqual) {
  Module module = graph::parse(R"(
    state @s: f32[4]
    func @f(%x: f32[4], %i: i32[2]) {
      %0: f32[4] = read {state="s"}
      %1: f32[4] = read {state="s"}
      %2: f32[4] = add %0, %x
      %3: f32[4] = add %x, %1
      %4: f32[4] = mul %2, %3
      write %4 {state="s"}
      %5: f32[4] = read {state="s"}
      %6: i32[2] = check_index %i {bound=4}
      %7: i32[2] = check_index %i {bound=4}
      %8: i32[2] = check_index %i {bound=5}
      %9: f32[4] = random_uniform {dtype=f32,key=1,shape=[4]}
      %10: f32[4] = random_uniform {dtype=f32,key=1,shape=[4]}
      %11: f32[4] = random_uniform {dtype=f32,key=2,shape=[4]}
      return a=%5, b=%9, c=%10, d=%11
    })");
  const Module before = graph::clone(module);
  simplify(module);
  EXPECT_EQ(count(module, OpCode::read), 1);
  EXPECT_EQ(count(module, OpCode::add), 1);
  EXPECT_EQ(count(module, OpCode::check_index), 2);
  EXPECT_EQ(count(module, OpCode::random_uniform), 2);
  EXPECT_EQ(module.functions[0]->outputs[0].value.op->code, OpCode::mul);
  std::mt19937 random(1);
  EXPECT_EQ(test::difference(before, module, test::Values::mild, 0, random), "");
}

TEST(Simplify, MergesNothingAcrossABarrier) {
  Module module = graph::parse(R"(
    func @f(%x: f32[4], %z: f32[4]) {
      %0: f32[4] = tanh %x
      %1: f32[4], %2: f32[4] = barrier %z, %x
      %3: f32[4] = tanh %2
      %4: f32[4] = neg %3
      %5: f32[4] = neg %4
      return a=%0, b=%5
    })");
  simplify(module);
  EXPECT_EQ(count(module, OpCode::tanh), 2);
  EXPECT_EQ(count(module, OpCode::neg), 0);
  for (const auto& op : module.functions[0]->ops()) {
    // The value that nobody used is gone.
    EXPECT_TRUE(op->code != OpCode::barrier || op->operands.size() == 1);
  }
}

TEST(Simplify, TellsZerosApart) {
  Module module = graph::parse(R"(
    func @f() {
      %0: f32[] = constant {dtype=f32,shape=[],value=0.0}
      %1: f32[] = constant {dtype=f32,shape=[],value=-0.0}
      return a=%0, b=%1
    })");
  simplify(module);
  EXPECT_EQ(count(module, OpCode::constant), 2);
}

// v is x, but the loss reaches x by another way too.
TEST(Simplify, KeepsWhatIsDifferentiatedForApart) {
  Module module = graph::parse(R"(
    func @f(%x: f32[]) {
      %0: f32[] = constant {dtype=f32,shape=[],value=1.0}
      %1: f32[] = mul %x, %0
      %2: f32[] = mul %x, %1
      %3: f32[] = neg %1
      %4: f32[] = neg %3
      %5: f32[] = add %2, %4
      %6: f32[] = grad %5, %1
      return d=%6
    })");
  Module plain = graph::clone(module);
  differentiate(plain);
  simplify(module);
  differentiate(module);
  simplify(module);
  std::mt19937 random(1);
  EXPECT_EQ(test::difference(plain, module, test::Values::mild, 1e-6, random), "");
}

TEST(Simplify, KeepsStopGradientUntilNothingIsDifferentiated) {
  const std::string_view text = R"(
    func @f(%x: f32[]) {
      %0: f32[] = stop_gradient %x
      %1: f32[] = mul %0, %x
      return y=%1
    })";
  Module module = graph::parse(text);
  simplify(module, {"keep_stop_gradient"});
  EXPECT_EQ(count(module, OpCode::stop_gradient), 1);
  simplify(module);
  EXPECT_EQ(count(module, OpCode::stop_gradient), 0);
}

}  // namespace
}  // namespace sinter::passes
