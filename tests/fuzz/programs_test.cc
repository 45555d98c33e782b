#include <gtest/gtest.h>

#include <map>

#include "ir/graph/text.h"
#include "ir/graph/verify.h"
#include "tests/fuzz/programs/program.h"

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
    if (code == OpCode::kernel) continue;  // made by fuse alone
    EXPECT_GT(count[code], 0) << graph::name(code);
  }
}

}  // namespace
}  // namespace sinter::fuzz
