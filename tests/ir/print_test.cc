#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "ir/graph/builder.h"
#include "tests/ir/sample.h"

namespace sinter::graph {
namespace {

using testing::HasSubstr;

void collect(const Function& function, std::set<OpCode>& codes) {
  for (const auto& op : function.ops()) {
    codes.insert(op->code);
    if (op->body != nullptr) collect(*op->body, codes);
  }
}

TEST(Print, EveryOpParsesAndPrintsTheSame) {
  const Module module = parse(every_op());
  EXPECT_EQ(print(module), every_op());
  EXPECT_EQ(print(clone(module)), every_op());
  std::set<OpCode> codes;
  for (const auto& function : module.functions) collect(*function, codes);
  for (OpCode code : all_opcodes())
    EXPECT_TRUE(codes.contains(code)) << name(code) << " is not in every_op.sg";
}

TEST(Print, WithoutLocations) {
  const std::string text = print(parse(every_op()), {.locations = false});
  EXPECT_EQ(text.find("main.cpp"), std::string::npos);
  EXPECT_EQ(print(parse(text)), text);
}

TEST(Print, NumbersAreTheShortestThatReadBack) {
  const auto printed = [](double value) {
    Module module;
    Function& function = module.add_function("f");
    Builder b(module, function);
    b.constant(value, DType::f64);
    const std::string text = print(module);
    EXPECT_EQ(print(parse(text)), text);
    const size_t begin = text.find("value=") + 6;
    return text.substr(begin, text.find('}', begin) - begin);
  };
  EXPECT_EQ(printed(2), "2.0");
  EXPECT_EQ(printed(-0.0), "-0.0");
  EXPECT_EQ(printed(0.1), "0.1");
  EXPECT_EQ(printed(1e-5), "1e-05");
  EXPECT_EQ(printed(1e22), "1e+22");
  EXPECT_EQ(printed(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(printed(std::numeric_limits<double>::denorm_min()), "5e-324");
  EXPECT_EQ(printed(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(printed(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(printed(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(printed(std::numeric_limits<double>::quiet_NaN()), "nan");
}

TEST(Print, ParametersKeepTheirNamesAndOtherValuesAreNumbered) {
  const Module module = parse(R"(
    func @f(%words.ids: i32[2], %x: f32[2]) {   // a comment
      %half: f32[] = constant {value=0.5, shape=[], dtype=f32}
      %wide: f32[2] = broadcast %half {shape=[2], dims=[]}
      %out: f32[2] = mul %x, %wide @"m.cpp":7
      return %out, ids=%words.ids, %half
    })");
  EXPECT_EQ(print(module), R"(func @f(%words.ids: i32[2], %x: f32[2]) {
  %0: f32[] = constant {dtype=f32, shape=[], value=0.5}
  %1: f32[2] = broadcast %0 {dims=[], shape=[2]}
  %2: f32[2] = mul %x, %1 @"m.cpp":7
  return %2, ids=%words.ids, %0
}
)");
  EXPECT_EQ(module.functions[0]->outputs[2].name, "output2");
}

TEST(Print, BuiltModuleParsesBack) {
  Module module;
  module.states.push_back({"dense.weight", {DType::f32, {4, 3}}});
  Function& function = module.add_function("predict");
  Builder b(module, function);
  const Value x = b.parameter("x", {DType::f32, {2, 4}});
  b.set_location({"model.cpp", 12, "dense \"first\""});
  const Value y = b.matmul(x, b.read("dense.weight"));
  b.output("", b.add(y, b.scalar_like(1, y)));
  const std::string text = print(module);
  EXPECT_THAT(text, HasSubstr("%1: f32[2,3] = contract %x, %0 {dims=\"mk,kn->mn\"} @\"model.cpp\":12 \"dense "
                              "\\\"first\\\"\"\n"));
  EXPECT_THAT(text, HasSubstr("  return %4\n"));
  EXPECT_EQ(print(parse(text)), text);
}

TEST(Print, AValueOfAnotherFunctionShows) {
  Module module;
  Builder one(module, module.add_function("one")), two(module, module.add_function("two"));
  const Value x = one.parameter("x", {DType::f32, {}});
  two.exp(x);
  EXPECT_THAT(print(*module.functions[1]), HasSubstr("%0: f32[] = exp %?\n"));
}

}  // namespace
}  // namespace sinter::graph
