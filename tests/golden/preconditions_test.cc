#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ir/error.h"
#include "passes/pipeline.h"
#include "passes/work.h"
#include "runtime/file.h"

// A pass does its work on whatever graph it is given, or says in one line what it expects: what it says is
// never "internal error".
namespace sinter::passes {
namespace {

namespace fs = std::filesystem;

const std::string kEveryOp = SINTER_SOURCE_DIR "/tests/ir/every_op.sg";

// Every op, and all that golden tests begin with.
std::vector<std::string> texts() {
  std::vector<std::string> all = {runtime::read_file(kEveryOp)};
  for (const auto& entry : fs::recursive_directory_iterator(SINTER_SOURCE_DIR "/tests/golden")) {
    if (entry.path().string().ends_with(".in.sg")) all.push_back(runtime::read_file(entry.path()));
  }
  return all;
}

std::vector<loop::Target> targets() {
  loop::Target gpu;
  gpu.kind = loop::Target::Kind::gpu;
  gpu.subgroup_size = 32;
  gpu.shared_bytes = 32 << 10;
  gpu.max_workgroup_size = 256;
  gpu.max_workgroups = 65535;
  return {{}, gpu};
}

// What is said where the calls cannot be made on the text; "" where they can.
std::string said(const std::vector<PassCall>& calls, const std::string& text, const loop::Target& target) {
  try {
    Work work = Work::parse(text, "graph.sg", target);
    for (const PassCall& call : calls) work.run(call);
  } catch (const GraphError& error) {
    return error.what();
  }
  return "";
}

TEST(Preconditions, AreSaidOfEveryOp) {
  const std::map<std::string_view, std::string> expected = {
      {"split_batch", "split_batch: needs an argument of=FUNCTION"},
      {"shard", "shard: needs an argument of=FUNCTION"},
      {"group", "group: argmax is for no kernel; legalize comes first"},
      {"choose", "choose: neg is in no kernel; group comes first"},
      {"order", "order: neg is in no kernel; group comes first"},
      {"schedule", "schedule: neg is in no kernel; group comes first"},
      {"place", "place: works on the loops of kernels, which schedule makes"},
      {"to_workgroups", "to_workgroups: works on a program, which place makes"},
      {"expand_math", "expand_math: works on a program, which place makes"}};
  const std::string text = runtime::read_file(kEveryOp);
  for (const Pass& pass : all_passes()) {
    const auto known = expected.find(pass.name);
    EXPECT_EQ(said(parse_pass_list(pass.name), text, {}), known == expected.end() ? "" : known->second)
        << pass.name;
  }
}

// Of a graph that has what only this pass's predecessor takes away.
TEST(Preconditions, OfGroupNameThePassThatIsMissing) {
  const auto group = [](const std::string& body) {
    return said(parse_pass_list("group"),
                "func @g(%x: f32[4]) {\n  return %x\n}\nfunc @f(%x: f32[4], %i: i32[4]) {\n" + body + "}\n",
                {});
  };
  EXPECT_EQ(group("  %0: f32[4] = call %x {function=\"g\"} @\"m.cc\":3\n  return %0\n"),
            "group: call is for no kernel; inline_calls comes first (m.cc:3)");
  EXPECT_EQ(
      group("  %0: f32[] = reduce_sum %x {axes=[0]}\n  %1: f32[4] = grad %0, %x @\"m.cc\":4\n  return %1\n"),
      "group: grad is for no kernel; differentiate comes first (m.cc:4)");
  EXPECT_EQ(group("  %0: f32[4] = softmax %x {axis=0} @\"m.cc\":3\n  return %0\n"),
            "group: softmax is for no kernel; decompose comes first (m.cc:3)");
  EXPECT_EQ(
      group("  %0: i32[4] = check_index %i {bound=4}\n  %1: f32[4] = gather %x, %0 {axis=0} @\"m.cc\":4\n"
            "  return %1\n"),
      "group: gather reads what a check passes on; guard comes first (m.cc:4)");
  EXPECT_EQ(group("  %0: i32[4] = check_index %i {bound=4} @\"m.cc\":3\n  return %0\n"),
            "group: check_index is returned; guard comes first (m.cc:3)");
  EXPECT_EQ(group("  %0: f16[4] = cast %x {dtype=f16} @\"m.cc\":3\n  return %0\n"),
            "group: cast gives f16, which no kernel computes in (m.cc:3)");
}

void expect_a_line(const std::string& message, const std::vector<PassCall>& calls) {
  if (message.empty()) return;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_TRUE(std::ranges::any_of(calls, [&](const PassCall& call) {
    return message.starts_with(std::string(call.pass->name) + ": ");
  })) << message;
}

TEST(Preconditions, OfEveryPassAlone) {
  const std::vector<std::string> graphs = texts();
  for (const loop::Target& target : targets()) {
    for (const Pass& pass : all_passes()) {
      SCOPED_TRACE(pass.name);
      const auto calls = parse_pass_list(pass.name);
      for (const std::string& text : graphs) {
        SCOPED_TRACE(text.substr(0, 300));
        EXPECT_NO_THROW(expect_a_line(said(calls, text, target), calls));
      }
    }
  }
}

TEST(Preconditions, OfThePipelineWithoutOneOfItsPasses) {
  const std::vector<std::string> graphs = texts();
  for (const loop::Target& target : targets()) {
    for (size_t left_out = 0; left_out < pipeline(target, {}).size(); ++left_out) {
      std::vector<PassCall> calls = pipeline(target, {});
      SCOPED_TRACE("without " + calls[left_out].text);
      calls.erase(calls.begin() + static_cast<ptrdiff_t>(left_out));
      for (const std::string& text : graphs) {
        SCOPED_TRACE(text.substr(0, 300));
        EXPECT_NO_THROW(expect_a_line(said(calls, text, target), calls));
      }
    }
  }
}

}  // namespace
}  // namespace sinter::passes
