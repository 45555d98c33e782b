#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "ir/graph/text/text.h"
#include "tests/fuzz/programs/check.h"

// Programs that were once wrong, shrunk: tests/fuzz/found/NAME.sg.
namespace sinter::fuzz {
namespace {

TEST(FoundPrograms, AreRight) {
  Checker checker({.vulkan = true, .loops = true});
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SINTER_SOURCE_DIR "/tests/fuzz/found")) {
    SCOPED_TRACE(entry.path().filename());
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(checker.fault(graph::parse(text)), "");
    ++count;
  }
  EXPECT_GT(count, 3);
}

}  // namespace
}  // namespace sinter::fuzz
