#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/message_of.h"
#include "tests/support/this_line.h"

namespace sinter {

// What a line of a test made, and what it was told.
struct Mistake {
  int line;
  std::string said, expected;  // the latter without the place
};

// Each message names its line of `file`. In lists, as compilers count the lines of a macro's arguments apart.
inline void expect_told(const char* file, const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes)
    EXPECT_EQ(mistake.said, fmt::format("{} ({}:{})", mistake.expected, file, mistake.line));
}

}  // namespace sinter
