#include <gmock/gmock.h>

#include <sstream>

#include "ir/graph/graph.h"
#include "tests/tools/program.h"

namespace sinter {
namespace {

// Every op runs on every device, forward and backward, as the reference has it; what a device refuses is
// told.
TEST_F(ProgramTest, TheOpMatrixHasNoUnexplainedHole) {
  const ProgramResult result = run("op-matrix", SINTER_SOURCE_DIR "/tests/ir/every_op.sg");
  EXPECT_EQ(result.status, 0) << result.err << result.out;
  std::istringstream lines(result.out);
  std::string line, notes;
  std::getline(lines, line);
  EXPECT_THAT(line, testing::ContainsRegex("cpu forward +its gradient +vulkan forward +its gradient"));
  for (const graph::OpCode code : graph::all_opcodes()) {
    std::getline(lines, line);
    EXPECT_THAT(line, testing::StartsWith(std::string(graph::name(code)) + " "));
  }
  while (std::getline(lines, line)) notes += line.substr(line.find(' ') + 1) + "\n";
  EXPECT_EQ(notes, R"(its gradient is zero by definition
the device does not have exp of f64
the device does not have expm1 of f64
the device does not have log of f64
the device does not have log1p of f64
the device does not have sin of f64
the device does not have cos of f64
the device does not have tanh of f64
the device does not have erf of f64
the device does not have rem of f64
the device does not have pow of f64
reduce_scatter: has no derivative rule
)");
}

}  // namespace
}  // namespace sinter
