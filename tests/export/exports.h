#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/file.h"
#include "tests/tools/program.h"

namespace sinter::test {

// Programs in C, of this folder's sources, beside what was exported to the test's folder.
class ExportTest : public ProgramTest {
 protected:
  // What the shell says; it has to end well.
  std::string shell(const std::string& command) const {
    const std::string all = "cd '" + path("") + "' && { " + command + "; } > .said 2>&1";
    const int status = std::system(all.c_str());
    const std::string said = runtime::read_file(path(".said"));
    EXPECT_EQ(status, 0) << command << "\n" << said;
    return said;
  }

  // Makes `program` of this folder's `source` and objects of the test's; `as_cxx`: by the compiler for C++.
  void build(const std::string& program, const std::string& source, const std::string& objects,
             bool as_cxx = false, const std::string& flags = "") const {
    const std::string language =
        as_cxx ? SINTER_CXX_COMPILER " -x c++ -std=c++20" : SINTER_C_COMPILER " -x c -std=c11";
    shell(
        language + " -Wall -Wextra -Werror -pedantic -O1 -pthread -I. -I" SINTER_SOURCE_DIR "/tests/export " +
        SINTER_SOURCE_DIR "/tests/export/" + source + " -x none " + objects + " -o " + program + " " + flags);
  }

  // What an object leaves open, and what it gives to others, in the order of the names.
  std::vector<std::string> symbols(const std::string& object, const std::string& which) const {
    std::istringstream lines(shell("nm -P --" + which + " " + object + " | cut -d' ' -f1"));
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);) names.push_back(line);
    return names;
  }

  std::string bytes(const std::string& file) const { return runtime::read_file(path(file)); }
};

template <typename T>
std::string bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace sinter::test
