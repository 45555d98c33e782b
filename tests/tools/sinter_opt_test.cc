#include <gmock/gmock.h>

#include "tests/tools/program.h"

namespace sinter {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kSquare = R"(func @square(%x: f32[3] @"model.cpp":2) {
  %0: f32[3] = mul %x, %x @"model.cpp":3 "layer"
  %1: f32[] = reduce_sum %0 {axes=[0]}
  return loss=%1
}
)";

class SinterOpt : public ProgramTest {
 protected:
  SinterOpt() { write("square.sg", kSquare); }
  ProgramResult opt(const std::string& arguments) const { return run("sinter-opt", arguments); }
};

TEST_F(SinterOpt, PrintsWhatItReads) {
  const ProgramResult result = opt("square.sg");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, kSquare);
  EXPECT_EQ(opt("- < square.sg").out, kSquare);
}

TEST_F(SinterOpt, LeavesOutLocations) {
  EXPECT_EQ(opt("square.sg --no-locations").out, R"(func @square(%x: f32[3]) {
  %0: f32[3] = mul %x, %x
  %1: f32[] = reduce_sum %0 {axes=[0]}
  return loss=%1
}
)");
}

TEST_F(SinterOpt, RunsPassesWithArguments) {
  const ProgramResult result =
      opt("square.sg --pass='inline_calls,differentiate(of=loss;wrt=x)' --no-locations");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("d_x=%"));
}

TEST_F(SinterOpt, PrintsAfterAll) {
  const ProgramResult result =
      opt("square.sg --pass='inline_calls,differentiate(of=loss;wrt=x)' --print-after-all");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("// input\n" + std::string(kSquare) +
                                     "\n// after inline_calls (unchanged)\n"
                                     "\n// after differentiate(of=loss;wrt=x)\nfunc @square("));
}

// The compiler's own way, up to a step by its name or as the pipeline spells it, and what steps of it leave.
TEST_F(SinterOpt, RunsThePipeline) {
  const std::string kernels = opt("square.sg --until=group --no-locations").out;
  EXPECT_THAT(kernels, HasSubstr("anchor=\"reduce\""));
  EXPECT_EQ(opt("square.sg --until=group --fuse=off --no-locations").out,
            opt("square.sg --until='group(off)' --fuse=off --no-locations").out);
  const std::string loops = opt("square.sg --until=expand_math").out;
  EXPECT_THAT(loops, StartsWith("program square: arena of 0 bytes\n"));
  EXPECT_THAT(opt("square.sg --until=to_workgroups --device=vulkan").out, HasSubstr("workgroup for "));
  const ProgramResult two = opt("square.sg --print-after=group --print-after=place");
  EXPECT_EQ(two.status, 0) << two.err;
  EXPECT_THAT(two.out, StartsWith("\n// after group\nfunc @square("));
  EXPECT_THAT(two.out, HasSubstr("\n// after place\nprogram square"));
}

// What one step prints, the next reads.
TEST_F(SinterOpt, RunsEachStepAlone) {
  write("step.sg", opt("square.sg --until=simplify").out);
  for (const std::string pass : {"legalize", "guard", "fit_bindings", "group", "merge", "choose", "order"}) {
    const ProgramResult result = opt("step.sg --pass=" + pass);
    ASSERT_EQ(result.status, 0) << pass << ": " << result.err;
    write("step.sg", result.out);
  }
}

// What choose prints may be edited: loops follow from it.
TEST_F(SinterOpt, MakesTheLoopsThatAreChosen) {
  std::string text = opt("square.sg --pass=group,choose").out;
  const std::string best = "choice=\"reduce.rows lanes=8 rows=2730\"";
  ASSERT_THAT(text, HasSubstr(best));
  EXPECT_THAT(opt("square.sg --pass=group,choose,schedule").out, HasSubstr("acc0_0: f32[8]"));
  text.replace(text.find(best), best.size(), "choice=\"reduce.rows lanes=4 rows=1\"");
  write("edited.sg", text);
  EXPECT_THAT(opt("edited.sg --pass=schedule").out, HasSubstr("acc0_0: f32[4]"));
  EXPECT_EQ(opt("edited.sg --pass=choose").out, text);
  write("wrong.sg", text.replace(text.find("lanes=4"), 7, "lanes=5"));
  EXPECT_EQ(
      opt("wrong.sg --pass=schedule").err,
      "sinter-opt: choice 'reduce.rows lanes=5 rows=1': lanes is a power of two (model.cpp:3, in layer)\n");
}

TEST_F(SinterOpt, TimesPasses) {
  EXPECT_THAT(opt("square.sg --until=place --time-passes").out,
              testing::ContainsRegex("\n// time of passes, each verified\n(.*\n)*// +[0-9.]+ ms choose\n"
                                     "// +[0-9.]+ ms open_loops\n// +[0-9.]+ ms order\n// +[0-9.]+ ms "
                                     "schedule\n// +[0-9.]+ ms place\n$"));
}

// The mixed form of a graph and the loops of its kernels.
TEST_F(SinterOpt, PrintsKernelsBehindTheGraph) {
  const ProgramResult result = opt("square.sg --until=schedule --no-locations");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              StartsWith("func @square(%x: f32[3]) {\n  %0: f32[] = kernel %x {anchor=\"reduce\""));
  EXPECT_THAT(result.out, HasSubstr("\n}\n\nprogram square: arena of 0 bytes\n\n"));
  EXPECT_THAT(result.out,
              HasSubstr("\nkernel 0 \"mul+reduce_sum at layer\"(in0: f32[3], out out0: f32[1]) as reduce, "));
}

TEST_F(SinterOpt, ErrorsOfSteps) {
  const ProgramResult unknown = opt("square.sg --until=fuse");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, StartsWith("sinter-opt: no step is called 'fuse'; there are "
                                      "inline_calls(kernels), decompose(only;attention), "));
  EXPECT_EQ(opt("square.sg --pass=expand_math").err,
            "sinter-opt: expand_math: works on a program, which place makes\n");
  EXPECT_EQ(opt("square.sg --pass=group,choose,order,schedule,place,simplify").err,
            "sinter-opt: simplify: works on a graph, and this one has become loops\n");
  EXPECT_EQ(opt("square.sg --pass=schedule").err,
            "sinter-opt: schedule: mul is in no kernel; group comes first (model.cpp:3, in layer)\n");
  EXPECT_EQ(opt("square.sg --pass=group,choose,order,place").err,
            "sinter-opt: place: works on the loops of kernels, which schedule makes\n");
  write("unordered.sg", R"(state @w: f32[3]
func @f(%x: f32[3]) {
  write %x {state="w"}
  return x=%x
}
)");
  EXPECT_EQ(opt("unordered.sg --pass=schedule,place --no-locations").err,
            "sinter-opt: place: no kernel makes what is for the write alone; order comes first\n");
  EXPECT_EQ(opt("square.sg --pass='merge(many)'").err,
            "sinter-opt: merge: an argument is one of 'buffers=', got 'many'\n");
  EXPECT_EQ(opt("square.sg --pass='group,order(off)'").err,
            "sinter-opt: order: takes no argument, got 'off'\n");
  EXPECT_EQ(opt("square.sg --pass='legalize(off)'").err,
            "sinter-opt: legalize: takes no argument, got 'off'\n");
}

TEST_F(SinterOpt, PrintsTargets) {
  EXPECT_THAT(opt("--print-target").out, HasSubstr("\nvector_bytes         32 "));
  EXPECT_THAT(opt("--print-target --target=native").out, HasSubstr("kind                 cpu "));
  EXPECT_THAT(opt("--print-target --device=vulkan").out, HasSubstr("kind                 gpu"));
  EXPECT_NE(opt("square.sg --emit=asm --target=generic").out, "");
  EXPECT_THAT(opt("square.sg --emit=asm --target=abacus").err,
              StartsWith("sinter-opt: unknown target 'abacus'"));
}

TEST_F(SinterOpt, ListsPasses) {
  const ProgramResult result = opt("--list-passes");
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("differentiate    expands grad ops"));
}

TEST_F(SinterOpt, EmitsCode) {
  const auto emitted = [&](const std::string& kind) {
    const ProgramResult result = opt("square.sg --emit=" + kind);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const std::string glsl = emitted("glsl");
  EXPECT_THAT(glsl, HasSubstr("//   mul model.cpp:3, in layer\n"));
  EXPECT_THAT(glsl, HasSubstr("#version 460\n"));
  EXPECT_THAT(emitted("spirv"), HasSubstr(";   mul model.cpp:3, in layer\n"));
  EXPECT_THAT(emitted("spirv"), HasSubstr("OpEntryPoint GLCompute %main"));
  EXPECT_THAT(emitted("llvm"), HasSubstr("define"));
  EXPECT_THAT(emitted("asm"), HasSubstr(".text\n"));
  EXPECT_NE(emitted("glsl"), opt("square.sg --emit=glsl --fuse=off").out);
  EXPECT_EQ(opt("square.sg --emit=ptx").status, 2);
  EXPECT_THAT(opt("square.sg --emit=ptx").err, HasSubstr("glsl"));
}

TEST_F(SinterOpt, ErrorsOfTheGraph) {
  write("bad.sg",
        "func @f(%x: f32[2]) {\n  %0: f32[3] = exp %x @\"model.cpp\":7 \"layer\"\n  return %0\n}\n");
  const ProgramResult result = opt("bad.sg");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(
      result.err,
      "sinter-opt: bad.sg:2:3: exp: the result is stated as f32[3], it is f32[2] (model.cpp:7, in layer)\n");
  EXPECT_EQ(
      opt("- < bad.sg").err,
      "sinter-opt: <stdin>:2:3: exp: the result is stated as f32[3], it is f32[2] (model.cpp:7, in layer)\n");
}

// What a kernel's anchor says of it is for schedules, and need not be true.
TEST_F(SinterOpt, CompilesTheOpsOfKernelsAnew) {
  for (const std::string anchor : {"map", "contract", "attention", "together", "abacus"}) {
    write("kernel.sg", "func @f(%x: f32[4]) {\n  %0: f32[4] = kernel %x {anchor=\"" + anchor +
                           "\"} (%p0: f32[4]) {\n    %0: f32[4] = exp %p0\n    return output0=%0\n  }\n"
                           "  return %0\n}\n");
    const ProgramResult result = opt("kernel.sg --explain");
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, StartsWith("f: 1 kernels, arena 0 B\n    0 map       exp\n"));
  }
  // A pass by itself takes it at its word.
  EXPECT_EQ(opt("kernel.sg --pass=merge").err, "");
  write("two.sg",
        "func @f(%x: f32[4]) {\n  %0: f32[4] = kernel %x {anchor=\"map\"} (%p0: f32[4]) {\n    %0: f32[4] = "
        "exp %p0\n"
        "    return output0=%0\n  }\n  %1: f32[4] = kernel %x {anchor=\"abacus\"} (%p0: f32[4]) {\n"
        "    %0: f32[4] = exp %p0\n    return output0=%0\n  }\n  return %0, %1\n}\n");
  EXPECT_EQ(
      opt("two.sg --pass=merge").err,
      "sinter-opt: kernel: no anchor is called 'abacus': expected one of map, reduce, contract, scatter, "
      "update, concat, cumsum, top_k, sort, attention, attention_backward, together\n");
  write("grad.sg", R"(func @f(%x: f32[4]) {
  %0: f32[4] = kernel %x {anchor="attention"} @"model.cpp":7 (%p0: f32[4]) {
    %0: f32[4] = exp %p0
    return output0=%0
  }
  %1: f32[] = reduce_sum %0 {axes=[0]}
  %2: f32[4] = grad %1, %x
  return %2
}
)");
  EXPECT_EQ(opt("grad.sg --pass=differentiate").err,
            "sinter-opt: kernel: its anchor is 'attention', its body is no attention (model.cpp:7)\n");
}

TEST_F(SinterOpt, ErrorsOfFiles) {
  const ProgramResult result = opt("missing.sg");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "sinter-opt: cannot read missing.sg: No such file or directory\n");
}

TEST_F(SinterOpt, SaysWhereItsOutputIsLost) {
  EXPECT_EQ(opt("square.sg > /dev/full 2> err; echo $?").out, "1\n");
  EXPECT_EQ(runtime::read_file(path("err")),
            "sinter-opt: cannot write to the standard output: No space left on device\n");
}

TEST_F(SinterOpt, ErrorsOfUsage) {
  EXPECT_EQ(opt("").status, 2);
  EXPECT_EQ(opt("").err, "sinter-opt: FILE is required; --help says more\n");
  EXPECT_EQ(opt("square.sg --nope").status, 2);
  EXPECT_EQ(opt("square.sg --pass=nope").status, 2);
  EXPECT_THAT(opt("square.sg --pass=nope").err,
              StartsWith("sinter-opt: no pass is called 'nope'; there are "));
  EXPECT_EQ(opt("square.sg --pass='differentiate(of=loss'").err,
            "sinter-opt: pass 'differentiate(of=loss': expected ')' at the end\n");
  EXPECT_EQ(opt("square.sg --emit=asm --pass=simplify").err,
            "sinter-opt: --pass excludes --emit; --help says more\n");
  EXPECT_EQ(opt("square.sg --explain --print-after-all").status, 2);
  EXPECT_EQ(opt("--help").status, 0);
}

}  // namespace
}  // namespace sinter
