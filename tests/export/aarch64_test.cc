#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/export/exports.h"
#include "tests/export/model.h"

// Exports for a machine of another architecture, which an emulator runs.
namespace sinter::test {
namespace {

using testing::ElementsAre;

constexpr int kEmulatedSteps = 10;

class AArch64 : public ExportTest {
 protected:
  void SetUp() override {
    if (std::system(
            "aarch64-linux-gnu-gcc --version >/dev/null 2>&1 && qemu-aarch64 --version >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "gcc-aarch64-linux-gnu and qemu-user are not installed";
  }
};

TEST_F(AArch64, TrainsAsX86Does) {
  Tagger tagger({.threads = 2, .seed = 5});
  tagger.program.export_to(
      path(""),
      {.name = "tagger", .dims = {{{"batch", Tagger::kBatch}}, {{"batch", 1}}}, .target = "aarch64"});
  const std::string sources = SINTER_SOURCE_DIR "/tests/export";
  shell("aarch64-linux-gnu-gcc -std=c11 -Wall -Wextra -Werror -pedantic -O1 -pthread -static -I. -I" +
        sources + " " + sources + "/train.c tagger.o -o train");
  EXPECT_THAT(symbols("tagger.o", "undefined-only"), ElementsAre("memcmp", "memcpy", "memset"));
  for (const std::string threads : {"1", "2"}) {
    EXPECT_EQ(shell(fmt::format("qemu-aarch64 ./train {} {}", kEmulatedSteps, threads)),
              threads == "1" ? "0\n" : "1\n");
    if (threads == "1") {
      shell("mv losses losses1; mv trained.safetensors trained1");
    } else {
      EXPECT_TRUE(bytes("losses") == bytes("losses1"));
      EXPECT_TRUE(bytes("trained.safetensors") == bytes("trained1"));
    }
  }

  const std::string theirs = bytes("losses");
  Function train = tagger.program.function("train");
  Drawn drawn;
  for (size_t step = 0; step < kEmulatedSteps; ++step) {
    drawn.fill(train);
    train.run();
    float loss = 0;
    std::memcpy(&loss, theirs.data() + step * sizeof(loss), sizeof(loss));
    EXPECT_NEAR(loss, train.value<float>("loss"), 1e-5) << "step " << step;
  }
}

}  // namespace
}  // namespace sinter::test
