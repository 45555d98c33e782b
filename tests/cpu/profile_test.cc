#include <gmock/gmock.h>
#include <sinter/sinter.h>

#include <filesystem>

#include "runtime/file.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

struct Model : nn::Module {
  nn::FeedForward layers{*this, "layers", {.width = 16, .hidden = 64}};
};

Program compiled(Model& model, SGD& optimizer, int threads) {
  Program program;
  program.add("train", {{"x", f32, {512, 16}}}, [&](const Inputs& in) -> Outputs {
    return {{"loss", optimizer.minimize(mean(square(model.layers(in["x"])))).loss}};
  });
  program.compile({.device = "cpu", .threads = threads});
  return program;
}

float second_loss(Program& program) {
  Function train = program.function("train");
  for (float& value : train.input<float>("x")) value = 0.5f;
  train.run();
  train.run();
  return train.value<float>("loss");
}

TEST(ProfileOfPrograms, EveryKernelOnceACall) {
  for (int threads : {1, 3}) {
    Model model;
    SGD optimizer{{.learning_rate = 0.1}};
    Program program = compiled(model, optimizer, threads);
    const float plain = second_loss(program);
    program.start_profile();
    Model other;
    SGD other_optimizer{{.learning_rate = 0.1}};
    Program timed = compiled(other, other_optimizer, threads);
    timed.start_profile();
    EXPECT_EQ(second_loss(timed), plain) << "a profile changes no bits";
    const std::string table = timed.profile();
    EXPECT_THAT(table, testing::StartsWith("2 calls, "));
    EXPECT_THAT(table, testing::HasSubstr("profile_test.cc:19, in layers.expand"));
    EXPECT_THAT(program.profile(), testing::StartsWith("0 calls, ")) << "started after the calls";
    // As many lines as kernels, each launched twice.
    const std::string text = program.explain("train");
    const std::string kernels = text.substr(7, text.find(' ', 7) - 7);
    size_t rows = 0;
    for (size_t at = 0; (at = table.find("\n        2 ", at)) != std::string::npos; ++at) ++rows;
    EXPECT_EQ(std::to_string(rows), kernels) << table << text;
  }
}

TEST(ProfileOfPrograms, WritesATrace) {
  Model model;
  SGD optimizer{{.learning_rate = 0.1}};
  Program program = compiled(model, optimizer, 2);
  program.start_profile();
  second_loss(program);
  const std::string path = (std::filesystem::temp_directory_path() / "sinter_profile_test.json").string();
  program.save_trace(path);
  EXPECT_THAT(runtime::read_file(path), testing::HasSubstr(R"("traceEvents": [)"));
  std::filesystem::remove(path);
}

TEST(ProfileOfPrograms, Errors) {
  Program program;
  EXPECT_EQ(message_of([&] { program.profile(); }), "profile: start the profile first");
  EXPECT_EQ(message_of([&] { program.save_trace("t.json"); }), "save_trace: start the profile first");
}

}  // namespace
}  // namespace sinter
