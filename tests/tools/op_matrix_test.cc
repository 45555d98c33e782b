#include <gmock/gmock.h>

#include <sstream>

#include "backends/registry/registry.h"
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
  const auto device = backends::open_device("vulkan");
  std::string lacking;
  if (!device->target().has_f64) lacking += "the device does not have f64\n";
  if (!device->target().has_i64) lacking += "the device does not have i64\n";
  EXPECT_EQ(notes,
            "its gradient is zero by definition\n" + lacking + "reduce_scatter: has no derivative rule\n");
}

}  // namespace
}  // namespace sinter
