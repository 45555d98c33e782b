#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/file.h"

namespace sinter {

struct ProgramResult {
  int status = 0;
  std::string out;
  std::string err;
};

// A folder of the running test, gone when it ends, in which programs run.
class ProgramTest : public testing::Test {
 protected:
  ProgramTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sinter-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
  }
  ~ProgramTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    runtime::write_file_atomically(path(name), text);
  }

  // Runs a program of this build with arguments as the shell reads them.
  ProgramResult run(const std::string& program, const std::string& arguments) const {
    const std::string command = "cd '" + folder_.string() + "' && '" SINTER_BINARY_DIR "/" + program + "' " +
                                arguments + " >.stdout 2>.stderr";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, runtime::read_file(path(".stdout")),
            runtime::read_file(path(".stderr"))};
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace sinter
