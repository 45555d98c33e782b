#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/file.h"

namespace sinter {
namespace {

// The program that it shows is the one that is compiled and run.
TEST(Readme, ShowsTheExample) {
  const std::string root = SINTER_SOURCE_DIR;
  const std::string example = runtime::read_file(root + "/examples/tiny_mlp/main.cc");
  EXPECT_THAT(runtime::read_file(root + "/README.md"), testing::HasSubstr("```cpp\n" + example + "```\n"));
}

}  // namespace
}  // namespace sinter
