#include "ir/graph/verify.h"

#include <gtest/gtest.h>

#include "ir/graph/builder.h"
#include "tests/ir/sample.h"
#include "tests/support/message_of.h"

namespace sinter::graph {
namespace {

std::string verify_error(const Module& module) {
  return message_of([&] { verify(module); });
}

class Verify : public testing::Test {
 protected:
  Module module;
  Function& function = module.add_function("f");
  Builder b{module, function};
  Value x = b.parameter("x", {DType::f32, {2}});
};

TEST_F(Verify, AcceptsWhatTheBuilderMakes) {
  b.output("y", b.exp(x));
  EXPECT_EQ(verify_error(module), "");
}

TEST_F(Verify, OperandsAreMadeBeforeInTheSameFunction) {
  b.set_location({"model.cpp", 3, "encoder"});
  b.neg(b.exp(x));
  std::swap(function.ops()[1], function.ops()[2]);
  EXPECT_EQ(verify_error(module),
            "neg: operand 0 is not made before it in the same function (model.cpp:3, in encoder)");
  Builder other(module, module.add_function("g"));
  function.ops().pop_back();
  function.ops().pop_back();
  other.exp(x);
  EXPECT_EQ(verify_error(module), "exp: operand 0 is not made before it in the same function");
}

TEST_F(Verify, AnOperandMayBeGone) {
  const Value y = b.exp(x);
  b.neg(y);
  function.ops().erase(function.ops().begin() + 1);
  EXPECT_EQ(verify_error(module), "neg: operand 0 is not made before it in the same function");
}

TEST_F(Verify, ResultsAreAsInferred) {
  b.exp(x).op->results[0].shape = {3};
  EXPECT_EQ(verify_error(module), "exp: the result is stated as f32[3], it is f32[2]");
  function.ops().back()->results.clear();
  EXPECT_EQ(verify_error(module), "exp: 0 results are stated, it has 1");
}

TEST_F(Verify, AttributesAreThoseOfTheOp) {
  Op& op = *b.reduce_sum(x, {0}).op;
  op.attributes.set("keep", true);
  EXPECT_EQ(verify_error(module), "reduce_sum: knows no attribute 'keep'");
  op.attributes.erase("keep");
  op.attributes.set("axes", int64_t{0});
  EXPECT_EQ(verify_error(module), "reduce_sum: the attribute 'axes' must be a list of integers below 2^31");
  op.attributes.erase("axes");
  EXPECT_EQ(verify_error(module), "reduce_sum: the attribute 'axes' is missing");
}

TEST_F(Verify, ParametersComeFirstAndHaveNames) {
  b.exp(x);
  b.parameter("late", {DType::f32, {}});
  EXPECT_EQ(verify_error(module), "parameter: does not come before the other ops");
  function.ops().pop_back();
  function.ops().pop_back();
  b.parameter("x", {DType::f32, {}});
  EXPECT_EQ(verify_error(module), "parameter: the name 'x' is given to a parameter twice");
  function.ops().pop_back();
  b.parameter("two words", {DType::f32, {}});
  EXPECT_EQ(verify_error(module), "parameter: 'two words' is no name for a parameter");
}

TEST_F(Verify, OutputsAreValuesWithNames) {
  b.output("y", x);
  b.output("y", x);
  EXPECT_EQ(verify_error(module), "@f: the name 'y' is given to an output twice");
  function.outputs[1] = {"z", Value()};
  EXPECT_EQ(verify_error(module), "@f: output 'z' is no value of this function");
  function.outputs = {{"", x}, {"", x}};
  EXPECT_EQ(verify_error(module), "");
}

TEST_F(Verify, NamesOfStatesAndFunctions) {
  module.states = {{"w", {DType::f32, {}}}, {"w", {DType::f32, {}}}};
  EXPECT_EQ(verify_error(module), "the name 'w' is given to a state twice");
  module.states = {{"w/b", {DType::f32, {}}}};
  EXPECT_EQ(verify_error(module), "'w/b' is no name for a state");
  module.states = {{"w", {DType::f32, {-1}}}};
  EXPECT_EQ(verify_error(module), "state 'w': f32[-1] has a negative extent or is too large");
  module.states.clear();
  module.add_function("f");
  EXPECT_EQ(verify_error(module), "the name 'f' is given to a function twice");
}

TEST_F(Verify, StateIsThereAndWrittenOnce) {
  module.states = {{"w", {DType::f32, {2}}}};
  b.write("w", x);
  EXPECT_EQ(verify_error(module), "");
  b.write("w", x);
  EXPECT_EQ(verify_error(module), "write: state 'w' is written twice in one function");
  function.ops().pop_back();
  module.states.clear();
  EXPECT_EQ(verify_error(module), "write: no state is called 'w'");
}

TEST_F(Verify, LoopsLeaveStateAlone) {
  module.states = {{"w", {DType::f32, {2}}}};
  Function& body = module.add_function("body");
  Builder in_body(module, body);
  const Value carry = in_body.parameter("c", {DType::f32, {2}});
  in_body.output("c", in_body.add(carry, in_body.read("w")));
  b.scan(body, {x}, 1, 0, 3, false);
  b.write("w", x);
  EXPECT_EQ(verify_error(module), "");
  b.scan(body, {x}, 1, 0, 3, false);
  EXPECT_EQ(
      verify_error(module),
      "scan: 'body' reads state 'w', which is written before the loop; read it before the loop, and hand "
      "it over");
  function.ops().pop_back();
  in_body.write("w", carry);
  EXPECT_EQ(verify_error(module), "scan: 'body' writes state 'w'; carry it, and write it behind the loop");
}

TEST_F(Verify, NoRecursion) {
  Function& g = module.add_function("g");
  Builder in_g(module, g);
  in_g.parameter("x", {DType::f32, {2}});
  b.call(g, {x});
  EXPECT_EQ(verify_error(module), "");
  in_g.call(function, {g.parameters()[0]->result()});
  EXPECT_EQ(verify_error(module), "call: 'f' would call itself");
}

TEST(VerifyKernel, TheBodyFits) {
  const auto error = [](std::string_view results, std::string_view operands, std::string_view body) {
    return parse_error("func @f(%x: f32[2]) {\n" + std::string(results) + " = kernel " +
                       std::string(operands) + " {anchor=\"map\"} " + std::string(body) + "\nreturn }");
  };
  const std::string body = "(%a: f32[2]) { %0: f32[2] = exp %a return %0 }";
  EXPECT_EQ(error("%0: f32[2]", "%x", body), "");
  EXPECT_EQ(error("%0: f32[2]", "%x, %x", body), "in.sg:2:1: kernel: it has 2 operands, its body takes 1");
  EXPECT_EQ(error("%0: f32[3]", "%x", body),
            "in.sg:2:1: kernel: the result is stated as f32[3], it is f32[2]");
  EXPECT_EQ(error("%0: f32[2]", "%x", ""), "in.sg:2:1: kernel: has no body");
  EXPECT_EQ(error("%0: f32[2]", "%x", "(%a: f32[3]) { return %a }"),
            "in.sg:2:1: kernel: the body takes 'a' as f32[3], got f32[2]");
  EXPECT_EQ(error("%0: f32[2]", "%x", "(%a: f32[2]) { %0: f32[3] = exp %a return %a }"),
            "in.sg:2:54: exp: the result is stated as f32[3], it is f32[2]");
}

}  // namespace
}  // namespace sinter::graph
