#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <cstring>
#include <fstream>
#include <optional>

#include "backends/cpu/compile/sanitize.h"
#include "tests/runtime/scratch_folder.h"

// A file of 8 GB of tokens, nearly all of them holes.
namespace sinter {
namespace {

constexpr int64_t kTokens = (int64_t{1} << 32) + 1;  // of two bytes: whole windows and their last target
constexpr int64_t kLength = 1024;
constexpr int64_t kSize = 8;
constexpr int64_t kPastFourGigabytes = (int64_t{1} << 31) + 12345;  // begins at byte 2^32 + 24690

int64_t megabytes(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) return std::stoll(line.substr(what.size() + 1)) / 1024;
  }
  return 0;
}

void plant(std::ofstream& file, int64_t token, uint16_t value) {
  file.seekp(2 * token);
  file.write(reinterpret_cast<const char*>(&value), sizeof(value));
}

TEST(LargeFile, TrainsInLittleMemory) {
  const ScratchFolder folder;
  {
    std::ofstream file(folder.path("tokens"), std::ios::binary);
    plant(file, kPastFourGigabytes, 40001);
    plant(file, kTokens - 1, 40002);
  }
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak is counted from here
  const int64_t before = megabytes("VmRSS");

  const Rows tokens = open_tokens(folder.path("tokens"), TokenType::u16);
  ASSERT_EQ(tokens.size(), kTokens);
  const Windows all = windows(tokens, kLength, kLength);
  const Rows numbers(i64, {}, all.inputs.size(), [](int64_t first, int64_t count, std::span<std::byte> to) {
    for (int64_t row = first; row < first + count; ++row, to = to.subspan(sizeof(row)))
      std::memcpy(to.data(), &row, sizeof(row));
  });
  const BatchOptions options = {
      .size = kSize, .order = Order::shuffled, .seed = 1, .drop_last = true, .threads = 2};

  // Which batches should hold the two.
  const int64_t first_row = kPastFourGigabytes / kLength, last_row = all.inputs.size() - 1;
  std::optional<BatchPosition> first, last;
  Batches which({{"row", numbers}}, options);
  for (int64_t i = 0; i < which.per_epoch() && !(first && last); ++i) {
    const Batch batch = which.next();
    for (const int64_t row : batch.arrays.at("row").values<int64_t>()) {
      if (row == first_row) first = batch.position;
      if (row == last_row) last = batch.position;
    }
  }
  ASSERT_TRUE(first && last);

  struct Model : nn::Module {
    nn::Embedding words{*this, "words", 65536, 4};
    nn::Linear next{*this, "next", 4, 1};
  } model;
  SGD sgd({.learning_rate = 0.1});
  Program program;
  program.add("train", {{"inputs", i32, {kSize, kLength}}, {"targets", i32, {kSize, kLength}}},
              [&](const Inputs& in) -> Outputs {
                const Tensor said = reshape(model.next(model.words(in["inputs"])), {kSize, kLength});
                const Tensor loss = mean_squared_error(said, cast(in["targets"], f32) / 65536.0);
                return {{"loss", sgd.minimize(loss).loss}, {"largest", max(in["targets"])}};
              },
              {.training = true});
  program.compile();
  Function step = program.function("train");
  Batches batches({{"inputs", all.inputs}, {"targets", all.targets}}, options);
  const auto largest_in = [&](BatchPosition position, int64_t steps) {
    batches.seek(position);
    int32_t largest = 0;
    for (int64_t i = 0; i < steps; ++i) {
      batches.next().feed(step);
      step.run();
      if (i == 0) largest = step.value<int32_t>("largest");
    }
    return largest;
  };
  EXPECT_EQ(largest_in(*first, 1), 40001);
  EXPECT_EQ(largest_in(*last, 1), 40002);
  EXPECT_EQ(largest_in({0, 0}, 200), 0);
  // A sanitizer keeps much itself.
  if (cpu::kSanitizer == cpu::Sanitizer::none) {
    EXPECT_LT(megabytes("VmHWM") - before, 100);
  }
  RecordProperty("resident_megabytes", std::to_string(megabytes("VmHWM")));
}

}  // namespace
}  // namespace sinter
