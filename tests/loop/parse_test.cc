#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ir/error.h"
#include "ir/loop/text/text.h"

// The text form of loops, read back: what is printed again is what was read, and mistakes are told where they
// stand.
namespace sinter::loop {
namespace {

using testing::ThrowsMessage;

// All kinds of lines, statements and expressions.
constexpr const char* kAll = R"(program "a step": arena of 192 bytes
  input x: f32[16,16]
  output y: f32[]
  slot 0: input 0: f32[256] x
  slot 1: arena at 64: f32[32] "in between" in steps 0..3 (model.cpp:2)
  slot 2: constant: i32[2] c = 0x01000000ffffffff
  slot 3: state 1: f32[256] blocks.0.weight
  fault 0: gather: 0 <= ids[4,2] < 10 (model.cpp:3)
  fault 1: check_finite: loss[] is finite
  launch 0 scale(slot 0, slot 3 + 16) unless faulted
  repeat l0 in 0..4:
    launch 0 scale(slot 0 + 8 + 16*l0, slot 3)
    repeat l1 in 0..2 falling:
      launch 1 "two parts"(slot 1 + 12 + -4*l0 + 2*l1)

// apart: it reads what others make
// mul (model.cpp:3)
kernel 0 scale(in0: f32[128], out out0: f32[128] align 64) as map, 128 flops, 1024 bytes:
  parallel for u in 0..2:
    let x: f32 = in0[u*8 if u > 0 && u*8 < 100 || u == 1]
    scope:
      local acc: f32[4]
      vector for v in 0..4 limit 8 - u*4:
        acc[v] = fma(x, 2.5, -acc[v]) if v*3%4 != 2
      out0[u] = lane_done
    $0 = i64(seed_low) + i64(step) + to_unsigned_i64(shift_right(seed_high, i32(3))) + i64(-5)
    fault 0 at u + 3, value $0*$0 if i32(u) < i32(-7)
    for n in u..+2:
      prefetch in0[n*16 - 3]
      out0[n] = select(!(x < nan), -inf, bitcast_f32(i32(u)) + max(-1e-05, -x)/(x - 2.0))
    if u == 0:
      pass
    else:
      unrolled for k in 0..3:
        out0[k + 100] = f32(f64(x)*f64(0.1))

kernel 1 "two parts"(out y: f32[16]):
  part:
    workgroup for g in 0..2:
      shared t: f32[4]
      lane for l in 0..4:
        t[l] = 1.0
        barrier
        t[l] = exp2(t[l])
        barrier of 4
        y[g*4 + l] = subgroup_sum(t[l], 4.0)
  part:
    workgroup for g in 0..1:
      lane for l in 0..4:
        y[l + 8] = 0.0
)";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// Without the line that is wrong on purpose below.
std::string all() {
  return with(kAll, "      out0[u] = lane_done\n", "");
}

TEST(Parse, GivesWhatWasPrinted) {
  const auto programs = parse(all());
  ASSERT_EQ(programs.size(), 1u);
  EXPECT_EQ(print(programs[0]), all());
}

TEST(Parse, KnowsPrograms) {
  EXPECT_EQ(find_program(all()), 0u);
  EXPECT_EQ(find_program("func @f() {\n}\n" + all()), 14u);
  EXPECT_EQ(find_program("func @f() {\n}\n"), 14u);
  EXPECT_EQ(parse(all() + "\n" + all()).size(), 2u);
}

// A variable that hides another gets a name of its own, and what a word means stays so.
TEST(Parse, TellsNamesApart) {
  const auto out =
      std::make_shared<const Buffer>(Buffer{.name = "out", .type = Type::f32, .size = 9, .written = true});
  const auto i = make_variable("i"), hides = make_variable("i"), step = make_variable("step");
  const Stmt body = store(out, variable(i) * 3 + variable(hides) + variable(step), number(1, Type::f32));
  Program program{.name = "p"};
  program.kernels = {
      {.name = "k",
       .arguments = {out},
       .parts = {loop(LoopKind::serial, i, integer(0), integer(3),
                      loop(LoopKind::serial, hides, integer(0), integer(3), let(step, integer(0), body)))}}};
  const std::string text = print(program);
  EXPECT_EQ(text, R"(program p: arena of 0 bytes

kernel 0 k(out out_2: f32[9]):
  for i in 0..3:
    for i_2 in 0..3:
      let step_2: index = 0
      out_2[i*3 + i_2 + step_2] = 1.0
)");
  EXPECT_EQ(print(parse(text)[0]), text);
}

TEST(Parse, SaysWhatIsWrongAndWhere) {
  const auto expect = [](const std::string& from, const std::string& to, const std::string& message) {
    EXPECT_THAT([&] { parse(with(all(), from, to), "f"); }, ThrowsMessage<GraphError>(message)) << to;
  };
  EXPECT_THAT([] { parse(kAll, "f"); },
              ThrowsMessage<GraphError>("f:25:17: nothing is called 'lane_done' here"));
  EXPECT_THAT([] { parse("func @f", "f"); },
              ThrowsMessage<GraphError>("f:1:1: expected 'program', found 'func'"));
  expect("launch 0 scale(slot 0,", "launch 7 scale(slot 0,", "f: a step has no kernel 7");
  expect("(slot 0, slot 3 + 16)", "(slot 0)", "f: scale takes 2 arguments, got 1");
  expect("(slot 0, slot 3 + 16)", "(slot 0, slot 9)", "f: a step has no slot 9");
  expect("8 + 16*l0", "8 + 16*l3", "f:12:36: this launch is in no loop l3");
  expect("0x01000000ffffffff", "0x0100", "f:6:32: expected 0x and 8 bytes of two digits, found '0x0100'");
  expect("slot 1: arena", "slot 4: arena", "f:5:8: this is number 1");
  expect("f32[16,16]", "f23[16,16]", "f:2:12: there is no such type");
  expect("for n in u..+2", "for n in u..2",
         "f:27:15: expected '..+' and how often the loop runs; '..' follows 0, found '..'");
  expect("x: f32 = in0", "x: i32 = in0", "f:20:9: x is i32, and its value f32");
  expect("fma(x, 2.5", "fma(x, 2", "f:24:18: fma does not take (f32, index, f32)");
  expect("-acc[v])", "-bcc[v])", "f:24:31: nothing is called 'bcc' here");
  expect("out0[k + 100]", "bcc[k + 100]", "f:34:9: no buffer is called 'bcc' here");
  expect("value $0*$0", "value $0*$1", "f:26:32: no line before gives $1");
  expect("      pass\n", "",
         "f:30:5: what stands below this line is not indented; 'pass' stands for nothing");
  expect("        barrier", "          barrier",
         "f:42:11: this line is indented, and the one before does not end in ':'");
  expect("[16,16]", "[16,16", "f:2:21: expected ']', the line ends");
  expect("i64(-5)", "i64(99999999999999999999)", "f:25:92: 99999999999999999999 does not fit into 64 bits");
  expect("\"in between\"", "\"in between", "f:5:32: this name in quotes does not end");
  // What does not hold of all of it.
  expect("slot 3 + 16)", "slot 3 + 160)",
         "f: the slot of blocks.0.weight is no place for argument 1 of scale");
  expect("12 + -4*l0", "8 + -4*l0", "f: the slot of in between is no place for argument 0 of two parts");
  expect("input x: f32[16,16]", "input x: f32[16,15]",
         "f: the slot of x is not number 0 of what a call gives");
  expect("arena of 192", "arena of 64", "f: the slot of in between is beyond the arena");
  expect("out0[k + 100]", "in0[k + 100]", "f: kernel scale: store to in0, which is read only");
}

// Nothing recurses without a bound along what someone has written.
TEST(Parse, RefusesWhatIsTooDeep) {
  const auto kernel = [](const std::string& body) {
    return "program p: arena of 0 bytes\n\nkernel 0 k(out y: f32[4]):\n" + body;
  };
  const auto many = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  EXPECT_THAT([&] { parse(kernel("  y[0] = " + many("(", 100000) + "1.0"), "f"); },
              ThrowsMessage<GraphError>("f:4:510: more than 500 expressions inside one another"));
  EXPECT_THAT([&] { parse(kernel("  y[0] = " + many("-", 100000) + "y[0]"), "f"); },
              ThrowsMessage<GraphError>("f:4:510: more than 500 expressions inside one another"));
  EXPECT_THAT([&] { parse(kernel("  y[0] = 1.0" + many(" + y[0]", 100000)), "f"); },
              ThrowsMessage<GraphError>(testing::HasSubstr("more than 20000 operands in one statement")));
  EXPECT_THAT([&] { parse(kernel(many("  let x: f32 = 1.0\n", 100000) + "  pass\n"), "f"); },
              ThrowsMessage<GraphError>("f:2004:3: more than 2000 statements inside one another"));
}

}  // namespace
}  // namespace sinter::loop
