#include <gmock/gmock.h>

#include "tests/export/exports.h"

// examples/embedded, built by its Makefile from what the example program exports.
namespace sinter::test {
namespace {

using testing::MatchesRegex;

class Embedded : public ExportTest {
 protected:
  Embedded() { shell("cp " SINTER_SOURCE_DIR "/examples/embedded/* ."); }
  std::string make(const std::string& arguments) const {
    return shell("make -s CLASSIFIER=" SINTER_BINARY_DIR "/attention_classifier " + arguments);
  }
};

TEST_F(Embedded, TrainsWithLibcAlone) {
  if (std::system("grep -q ' fma .* avx2 ' /proc/cpuinfo") != 0)
    GTEST_SKIP() << "this machine is no x86-64-v3";
  EXPECT_EQ(make("TARGET=x86-64-v3 CC='" SINTER_C_COMPILER " -Werror'"), "");
  const std::string said = shell("./train 2");
  EXPECT_THAT(said, MatchesRegex("epoch 1  loss [0-9.]+  dev accuracy 0\\.[0-9]+\n"
                                 "epoch 2  loss [0-9.]+  dev accuracy 0\\.9[0-9]+\n"));
  EXPECT_EQ(shell("./train 2"), said);
  EXPECT_EQ(std::filesystem::file_size(path("trained.safetensors")),
            std::filesystem::file_size(path("tagger.safetensors")));

  // Libraries beside the one of the kernel and the loader.
  EXPECT_EQ(shell("ldd train | grep -o '^.*\\.so[.0-9]* =>' | tr -d '\\t'"), "libc.so.6 =>\n");
  // All that it maps, libc too.
  shell("ulimit -v 6144; ./train 1");
}

TEST_F(Embedded, IsSmall) {
  std::vector<std::string> targets = {"native"};
  if (std::system("uname -m | grep -q x86_64") == 0)
    targets.insert(targets.end(), {"x86-64-v2", "x86-64-v3", "x86-64-v4"});
  for (const std::string& target : targets) {
    EXPECT_EQ(make("-B TARGET=" + target + " CC=" SINTER_C_COMPILER), "");
    shell("strip train");
    EXPECT_LE(std::filesystem::file_size(path("train")), 300u << 10) << target;
  }
}

}  // namespace
}  // namespace sinter::test
