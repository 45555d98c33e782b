#include <gtest/gtest.h>

#include <map>

#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "tests/fuzz/programs/check.h"
#include "tests/fuzz/programs/program.h"
#include "tools/reduce/shrink.h"

namespace sinter::fuzz {
namespace {

constexpr uint64_t kPrograms = 300;

TEST(Programs, ReadBackAsTheyArePrinted) {
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    SCOPED_TRACE(seed);
    const Program program = make_program(seed);
    for (const graph::Module* module : {&program.module, &program.rewritten}) {
      ASSERT_NO_THROW(graph::verify(*module));
      const std::string text = graph::print(*module);
      ASSERT_EQ(graph::print(graph::parse(text)), text);
    }
  }
}

// An op that no program has is not tested.
TEST(Programs, HaveEveryOp) {
  std::map<OpCode, int> count;
  for (uint64_t seed = 0; seed < kPrograms; ++seed) {
    const Program program = make_program(seed);
    for (const auto& function : program.module.functions) {
      for (const auto& op : function->ops()) ++count[op->code];
    }
  }
  for (const OpCode code : graph::all_opcodes()) {
    // Made by fuse, and by shard, alone.
    if (code == OpCode::kernel || graph::info(code).kind == graph::OpKind::collective) continue;
    EXPECT_GT(count[code], 0) << graph::name(code);
  }
}

// In pieces, since a run of tests is spread over processes. A program that is wrong is shrunk: its text
// belongs to tests/fuzz/found.
constexpr uint64_t kPiece = 25;

class PieceOfPrograms : public testing::TestWithParam<uint64_t> {};

TEST_P(PieceOfPrograms, IsRightOnEveryDevice) {
  Checker on_cpu({}), on_vulkan({.vulkan = true}), as_loops({.loops = true});
  for (uint64_t seed = GetParam(); seed < GetParam() + kPiece; ++seed) {
    Checker& checker = seed % 10 == 0 ? on_vulkan : seed % 10 == 5 ? as_loops : on_cpu;
    const Program program = make_program(seed, seed % 20 == 5);
    const std::string fault = checker.fault(program);
    if (fault.empty()) continue;
    const graph::Module small = tools::shrunk(program.rewritten, kFunction, [&](const graph::Module& module) {
      return !checker.fault(module).empty();
    });
    ADD_FAILURE() << "program " << seed << ": " << fault << "\n" << graph::print(small);
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, PieceOfPrograms, testing::Range<uint64_t>(0, kPrograms, kPiece));

}  // namespace
}  // namespace sinter::fuzz
