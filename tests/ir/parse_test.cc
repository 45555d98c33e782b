#include <gtest/gtest.h>

#include "tests/ir/sample.h"

namespace sinter::graph {
namespace {

// The error of one op, which stands alone in line 2.
std::string op_error(const std::string& op) {
  return parse_error("func @f(%x: f32[2,3]) {\n" + op + "\nreturn }");
}

TEST(Parse, SaysWhatIsExpected) {
  EXPECT_EQ(parse_error("fun @f() { return }"), "in.sg:1:1: expected 'state' or 'func', found 'fun'");
  EXPECT_EQ(parse_error("func f() { return }"),
            "in.sg:1:6: expected the name of a function, as in @predict, found 'f'");
  EXPECT_EQ(parse_error("state words: f32[2]"),
            "in.sg:1:7: expected the name of a state, as in @weight, found 'words'");
  EXPECT_EQ(parse_error("func @f() {"), "in.sg:1:12: expected an op or 'return', found the end");
  EXPECT_EQ(parse_error("func @f(x: f32[2]) { return }"),
            "in.sg:1:9: expected a parameter, as in %x, found 'x'");
  EXPECT_EQ(parse_error("func @f() { return 3 }"), "in.sg:1:20: expected a value, as in %3, found '3'");
  EXPECT_EQ(op_error("%0 = exp %x"), "in.sg:2:4: expected ':', found '='");
  EXPECT_EQ(op_error("%0: f32[2,3] exp %x"), "in.sg:2:14: expected '=', found 'exp'");
  EXPECT_EQ(op_error("%0: f32[2,3] = expo %x"), "in.sg:2:16: expected the name of an op, found 'expo'");
  EXPECT_EQ(op_error("%0: f32[2,3] = exp %y"), "in.sg:2:20: expected a value made above, found '%y'");
  EXPECT_EQ(op_error("%0: f32[2,3] = softmax %x {axis}"), "in.sg:2:32: expected '=', found '}'");
  EXPECT_EQ(op_error("%0: f32[2,3] = softmax %x {axis=one}"),
            "in.sg:2:33: expected an integer, a number, a string, true, false, a list or an element type, "
            "found 'one'");
  EXPECT_EQ(op_error("%0: f32[3,2] = transpose %x {permutation=[1,0}"),
            "in.sg:2:46: expected ']', found '}'");
  EXPECT_EQ(op_error("%0: f32[2,3] = exp %x @model.cpp:3"),
            "in.sg:2:23: expected an op or 'return', found '@model.cpp'");
  EXPECT_EQ(op_error("%0: f32[2,3] = exp %x @\"model.cpp\""), "in.sg:3:1: expected ':', found 'return'");
  EXPECT_EQ(op_error("%0: f32[2,3] = exp %x (%a: f32[2]) { return }"),
            "in.sg:2:23: expected no body here, found '('");
}

TEST(Parse, Types) {
  EXPECT_EQ(parse_error("state @w: f33[2]"), "in.sg:1:11: expected an element type, found 'f33'");
  EXPECT_EQ(parse_error("state @w: f32"), "in.sg:1:14: expected '[', found the end");
  EXPECT_EQ(parse_error("state @w: f32[2.5]"), "in.sg:1:15: expected an extent, found '2.5'");
  EXPECT_EQ(parse_error("state @w: f32[-1]"), "in.sg:1:11: f32[-1] has a negative extent or is too large");
  EXPECT_EQ(parse_error("state @w: f32[2147483647,2147483647]"),
            "in.sg:1:11: f32[2147483647,2147483647] has a negative extent or is too large");
  EXPECT_EQ(parse_error("state @w: f32[0,2147483647,2147483647,2147483647]"),
            "in.sg:1:11: f32[0,2147483647,2147483647,2147483647] has a negative extent or is too large");
  // A product that wraps to 0.
  EXPECT_EQ(parse_error("state @w: f32[1048576,1048576,16777216]"),
            "in.sg:1:11: f32[1048576,1048576,16777216] has a negative extent or is too large");
  EXPECT_EQ(parse_error("state @w: f32[99999999999999999999]"),
            "in.sg:1:15: the integer does not fit in 64 bits");
}

TEST(Parse, WordsThatAreNone) {
  EXPECT_EQ(parse_error("func @f() { return } \"open"), "in.sg:1:22: the string does not end");
  EXPECT_EQ(parse_error("\"a\\tb\""),
            "in.sg:1:3: expected \\\", \\\\ or \\n: a string knows no other escapes");
  EXPECT_EQ(parse_error("% x"), "in.sg:1:1: expected the name of a value after '%'");
  EXPECT_EQ(parse_error("@ f"), "in.sg:1:1: expected a name after '@'");
  EXPECT_EQ(parse_error("- 3"), "in.sg:1:1: expected a number after '-'");
  EXPECT_EQ(parse_error("1e"), "in.sg:1:1: expected a number, found '1e'");
  EXPECT_EQ(parse_error("1e999"), "in.sg:1:1: the number does not fit in 64 bits");
  EXPECT_EQ(parse_error("?"), "in.sg:1:1: expected 'state' or 'func', found '?'");
}

TEST(Parse, NamesAreGivenOnce) {
  EXPECT_EQ(parse_error("state @w: f32[]\nstate @w: f32[]"), "in.sg:2:7: there is already a state '@w'");
  EXPECT_EQ(parse_error("func @f() { return }\nfunc @f() { return }"),
            "in.sg:2:6: there is already a function '@f'");
  EXPECT_EQ(parse_error("func @f(%x: f32[], %x: f32[]) { return }"),
            "in.sg:1:20: there is already a value '%x'");
  EXPECT_EQ(op_error("%x: f32[2,3] = exp %x"), "in.sg:2:1: there is already a value '%x'");
  EXPECT_EQ(op_error("%0: f32[2,3] = softmax %x {axis=0, axis=1}"),
            "in.sg:2:36: there is already an attribute 'axis'");
  EXPECT_EQ(parse_error("func @f(%x: f32[]) { return a=%x, a=%x }"),
            "in.sg:1:35: there is already an output 'a'");
}

TEST(Parse, AStatedTypeMustBeTheInferredOne) {
  EXPECT_EQ(op_error("%0: f32[2,4] = exp %x"),
            "in.sg:2:1: exp: the result is stated as f32[2,4], it is f32[2,3]");
  EXPECT_EQ(op_error("%0: f32[2,3], %1: f32[2,3] = exp %x"),
            "in.sg:2:1: exp: 2 results are stated, it has 1");
  EXPECT_EQ(op_error("exp %x"), "in.sg:2:1: exp: 0 results are stated, it has 1");
}

TEST(Parse, OperandsStandOnTheLineOfTheirOp) {
  EXPECT_EQ(op_error("%0: f32[2,3] = add\n%1: f32[2,3] = exp %x"), "in.sg:2:1: add: takes 2 operands, got 0");
}

TEST(Parse, ErrorsOfAnOpNameBothPlaces) {
  EXPECT_EQ(op_error("%0: f32[2,3] = add %x @\"model.cpp\":4 \"encoder.0\""),
            "in.sg:2:1: add: takes 2 operands, got 1 (model.cpp:4, in encoder.0)");
}

TEST(Parse, FunctionsMayBeCalledAboveTheirDefinition) {
  EXPECT_EQ(parse_error("func @f(%x: f32[]) { %0: f32[] = call %x {function=\"g\"} return %0 }\n"
                        "func @g(%x: f32[]) { %0: f32[] = exp %x return %0 }"),
            "");
}

TEST(Parse, AnEmptyListTakesTheElementTypeOfItsConstant) {
  const Module module = parse(
      "func @f() { %0: f32[0] = constant {dtype=f32, shape=[0], values=[]}\n"
      "%1: f32[2] = constant {dtype=f32, shape=[2], values=[1,2]} return }");
  for (const auto& op : module.functions[0]->ops()) {
    EXPECT_TRUE(std::holds_alternative<std::vector<double>>(*op->attributes.find("values")));
  }
}

}  // namespace
}  // namespace sinter::graph
