#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/tools/program.h"

namespace sinter {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class SinterReduce : public ProgramTest {
 protected:
  SinterReduce() { write("graph.sg", kGraph); }

  ProgramResult reduce(const std::string& arguments) const { return run("sinter-reduce", arguments); }

  static constexpr const char* kGraph =
      "func @other(%x: f32[2]) {\n"
      "  return y=%x\n"
      "}\n"
      "func @f(%x: f32[4,3], %y: f32[4,3]) {\n"
      "  %0: f32[4,3] = tanh %x\n"
      "  %1: f32[4,3] = sub %0, %y\n"
      "  %2: f32[4,3] = sin %1\n"
      "  %3: f32[4] = reduce_max %2 {axes=[1]}\n"
      "  return a=%2, b=%3\n"
      "}\n";
};

TEST_F(SinterReduce, AsksACommand) {
  const ProgramResult status = reduce("graph.sg -- sh -c '! grep -q reduce_max {}'");
  EXPECT_EQ(status.status, 0) << status.err;
  EXPECT_THAT(status.out, HasSubstr("reduce_max"));
  EXPECT_THAT(status.err, StartsWith("fails: exits with 1\nops: 2, of 7; graphs tried: "));
  const ProgramResult text = reduce("graph.sg --prints reduce_max -- cat");
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.out, status.out);
  EXPECT_EQ(runtime::read_file(path("graph.sg")), kGraph);
}

TEST_F(SinterReduce, CutsRunsOfOps) {
  std::string text = "func @f(%x: f32[4,3]) {\n  %0: f32[4,3] = tanh %x\n";
  for (int i = 1; i < 300; ++i)
    text += fmt::format("  %{}: f32[4,3] = {} %{}\n", i, i == 170 ? "cos" : "tanh", i - 1);
  write("long.sg", text + "  return y=%299\n}\n");
  const ProgramResult result = reduce("long.sg --prints cos -- cat");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("\nops: 2, of 301; "));
  EXPECT_THAT(result.out, HasSubstr(" = cos %"));
}

// An error of ours, on the whole way: of a kernel that no pass makes.
TEST_F(SinterReduce, TakesWhatSinterOptLeft) {
  write("wrong.sg",
        "func @f(%x: f32[2], %y: f32[2]) {\n"
        "  %0: f32[2] = kernel %x {anchor=\"map\"} (%p0: f32[2]) {\n    %0: f32[2] = exp %p0\n    return "
        "%0\n  }\n"
        "  %1: f32[2] = kernel %y {anchor=\"scatter\"} (%p0: f32[2]) {\n    %0: f32[2] = exp %p0\n    return "
        "%0\n  }\n"
        "  return x=%0, y=%1\n"
        "}\n");
  setenv("SINTER_CACHE_DIR", path("cache").c_str(), 1);
  unsetenv("SINTER_CACHE");
  const ProgramResult broken = run("sinter-opt", "--pass=choose wrong.sg");
  const std::string says = "; to see it again: sinter-opt --replay ";
  ASSERT_THAT(broken.err, HasSubstr(says));
  EXPECT_THAT(broken.err, StartsWith("sinter-opt: internal error: "));
  const size_t at = broken.err.find(says);
  const std::string bundle = broken.err.substr(at + says.size(), broken.err.find('\n') - at - says.size());
  const ProgramResult again = run("sinter-opt", "--replay " + bundle);
  EXPECT_EQ(again.err, broken.err.substr(0, at) + "\n");
  EXPECT_EQ(again.status, 1);
  const ProgramResult least = reduce(bundle);
  EXPECT_EQ(least.status, 0) << least.err;
  EXPECT_THAT(least.err, HasSubstr("\nops: 2, of 4; "));
  EXPECT_THAT(least.out, HasSubstr("scatter"));
  setenv("SINTER_CACHE", "off", 1);
  EXPECT_EQ(run("sinter-opt", "--pass=choose wrong.sg").err, again.err);
}

TEST_F(SinterReduce, RunsPassesOfItsOwn) {
  EXPECT_EQ(reduce("graph.sg --internal-error --pass=simplify").err,
            "sinter-reduce: graph.sg does not fail\n");
  EXPECT_EQ(reduce("graph.sg --internal-error --function f").err, "sinter-reduce: graph.sg does not fail\n");
  EXPECT_EQ(reduce("graph.sg --differs").err, "sinter-reduce: graph.sg does not fail\n");
  EXPECT_EQ(reduce("graph.sg --differs").status, 1);
}

TEST_F(SinterReduce, WritesToAFileThatIsNotTheGraph) {
  const ProgramResult result = reduce("graph.sg --output least.sg --prints reduce_max -- cat {}");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(runtime::read_file(path("least.sg")), HasSubstr("reduce_max"));
  const ProgramResult same = reduce("graph.sg --output ./graph.sg --prints reduce_max -- cat {}");
  EXPECT_EQ(same.status, 2);
  EXPECT_EQ(same.err, "sinter-reduce: --output is the graph itself, which stays as it is\n");
  EXPECT_EQ(runtime::read_file(path("graph.sg")), kGraph);
}

TEST_F(SinterReduce, SaysWhatIsWrongWithACommand) {
  const ProgramResult absent = reduce("graph.sg -- no-such-program");
  EXPECT_EQ(absent.status, 1);
  EXPECT_EQ(absent.err,
            "sinter-reduce: the command cannot be run: no-such-program: No such file or directory\n");
  const ProgramResult silent = reduce("graph.sg --patience 1 --prints x -- sh -c 'exec sleep 100'");
  EXPECT_EQ(silent.err, "sinter-reduce: graph.sg does not fail\n");
  EXPECT_EQ(reduce("graph.sg").err,
            "sinter-reduce: one of --internal-error, --differs and -- COMMAND is required\n");
  EXPECT_EQ(reduce("graph.sg --internal-error --function g").err,
            "sinter-reduce: graph.sg has no function 'g'; it has 'other', 'f'\n");
}

// Of a bundle, which says what was made of it.
TEST_F(SinterReduce, TakesABundle) {
  std::filesystem::create_directory(path("bundle"));
  write("bundle/graph.sg", kGraph);
  write("bundle/attempt.json",
        R"({"message": "no such axis", "function": "f", "passes": "simplify", "device": "", )"
        R"("target": "native", "threads": 0, "options": {"fuse": true}})");
  EXPECT_EQ(reduce("bundle").err, "sinter-reduce: bundle does not fail\n");
  EXPECT_THAT(reduce("bundle --prints reduce_max -- cat").out, HasSubstr("reduce_max"));
  const ProgramResult replayed = run("sinter-opt", "--replay bundle");
  EXPECT_EQ(replayed.status, 0) << replayed.err;
  EXPECT_EQ(replayed.out, "works here; the bundle has: no such axis\n");
  EXPECT_EQ(run("sinter-opt", "--replay none").err,
            "sinter-opt: cannot read none/graph.sg: No such file or directory\n");
}

}  // namespace
}  // namespace sinter
