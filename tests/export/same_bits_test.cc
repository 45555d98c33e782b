#include <gmock/gmock.h>

#include <regex>

#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "tests/export/linked.h"
#include "tests/fuzz/programs/program.h"

// Exported functions of every op, and random ones, against the same code just in time.
namespace sinter::test {
namespace {

constexpr uint64_t kSeed = 11;

class SameBits : public ExportTest {
 protected:
  // Of functions of a module, on inputs by their parameters' types and names.
  void expect_of(const graph::Module& module, const std::vector<std::string>& functions) const {
    const auto device = backends::open_device("cpu", 3);
    const Linked linked(path(""), module, functions, *device, kSeed,
                        [this](const std::string& command) { shell(command); });
    for (const std::string& name : functions) {
      const auto inputs = fuzz::inputs_for(*module.find_function(name), 0);
      const Answer right = run_here(*device, module, name, inputs, kSeed), answer = linked.run(name, inputs);
      EXPECT_FALSE(answer.has_failed || right.has_failed) << name;
      ASSERT_EQ(answer.outputs.size(), right.outputs.size()) << name;
      for (size_t i = 0; i < right.outputs.size(); ++i)
        EXPECT_TRUE(answer.outputs[i] == right.outputs[i]) << name << ", output " << i;
      for (const auto& [state, bytes] : answer.states)
        EXPECT_TRUE(bytes == right.states.at(state)) << name << ", state " << state;
    }
  }
};

// Functions give all that they compute; but for one that others run.
TEST_F(SameBits, OfEveryOp) {
  // Integers are drawn as the names of parameters say.
  static const std::regex index("%(ids|labels|lengths|at)\\b");
  const std::string text = runtime::read_file(SINTER_SOURCE_DIR "/tests/ir/every_op.sg");
  graph::Module module = graph::parse(std::regex_replace(text, index, "%$1_below_2"));
  std::vector<std::string> names;
  for (const auto& function : module.functions) {
    if (function->name() == "body" || function->name() == "ranks") continue;  // several do not run alone
    names.push_back(function->name());
    function->outputs.clear();
    for (const auto& op : function->ops()) {
      if (op->code == graph::OpCode::parameter) continue;
      for (size_t i = 0; i < op->results.size(); ++i) {
        function->outputs.push_back(
            {fmt::format("o{}", function->outputs.size()), op->result(static_cast<int>(i))});
      }
    }
  }
  graph::verify(module);
  expect_of(module, names);
  for (const std::string& symbol : symbols("linked.o", "undefined-only"))
    EXPECT_THAT(bytes("linked.h"), testing::HasSubstr(symbol));
}

class SameBitsOfProgram : public SameBits, public testing::WithParamInterface<uint64_t> {};

TEST_P(SameBitsOfProgram, AsJustInTime) {
  const fuzz::Program program = fuzz::make_program(GetParam());
  expect_of(program.module, {fuzz::kFunction});
  if (HasFailure()) ADD_FAILURE() << graph::print(program.module);
}

INSTANTIATE_TEST_SUITE_P(Random, SameBitsOfProgram, testing::Range<uint64_t>(0, 24));

}  // namespace
}  // namespace sinter::test
