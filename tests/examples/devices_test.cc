#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "backends/vulkan/run/memory.h"
#include "backends/vulkan/vulkan.h"
#include "tests/examples/trained.h"

// The classifier's training on a GPU: as on the CPU, the same bytes each time, and what it moves.
namespace attention_classifier {
namespace {

constexpr int64_t kBatch = 8;

struct Training {
  std::vector<float> losses;
  std::vector<float> weights;
};

Training train(const std::string& device, int64_t steps) {
  const SmallTraining small;
  const Windows windows = encode_windows(small.language.train, small.vocabulary);
  const AttentionClassifier model(small.model);
  sinter::AdamW optimizer({.learning_rate = sinter::linear_decay(2e-3, steps, 0.05)});
  sinter::Program program;
  add_train(program, model, optimizer);
  program.compile({.device = device, .seed = 1, .dims = {{"batch", kBatch}}});
  sinter::Function call = program.function("train");
  const Feed feed(call);
  Windows batch(kBatch);
  Training result;
  std::vector<int64_t> chosen(kBatch);
  for (int64_t step = 0; step < steps; ++step) {
    std::iota(chosen.begin(), chosen.end(), step * kBatch % (windows.count() - kBatch));
    gather_windows(windows, chosen, batch);
    feed.load(batch);
    call.run();
    result.losses.push_back(call.value<float>("loss"));
  }
  const sinter::Array weights = program.state("classes.weight");
  result.weights.assign(weights.values<float>().begin(), weights.values<float>().end());
  return result;
}

TEST(TrainingOnVulkan, FollowsTheCpuAndGivesTheSameBytesAgain) {
  const Training cpu = train("cpu", 300), first = train("vulkan", 300), second = train("vulkan", 300);
  EXPECT_LT(cpu.losses.back(), 0.3f * cpu.losses.front());
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_NEAR(first.losses[i], cpu.losses[i], 1e-4f * cpu.losses[i]) << "step " << i;
  }
  EXPECT_EQ(std::memcmp(first.losses.data(), second.losses.data(), 300 * sizeof(float)), 0);
  EXPECT_EQ(first.weights, second.weights);
}

// A batch goes up, and with it the step's number and room for what a check finds; the loss comes back, and
// the finding.
TEST(TrainingOnVulkan, MovesItsBatchAndItsLoss) {
  using sinter::vulkan::aligned, sinter::vulkan::options_by_name;
  options_by_name().stage = true;
  {
    const SmallTraining small;
    const Windows windows = encode_windows(small.language.train, small.vocabulary);
    const AttentionClassifier model(small.model);
    sinter::AdamW optimizer;
    sinter::Program program;
    add_train(program, model, optimizer);
    program.compile({.device = "vulkan", .seed = 1, .dims = {{"batch", kBatch}}});
    sinter::Function call = program.function("train");
    const Feed feed(call);
    Windows batch(kBatch);
    const std::vector<int64_t> chosen = {1, 2, 3, 4, 5, 6, 7, 8};
    gather_windows(windows, chosen, batch);
    feed.load(batch);
    call.run();
    const sinter::vulkan::Gpu gpu(options_by_name());
    const int64_t up = gpu.stats().bytes_up, down = gpu.stats().bytes_down;
    const auto bytes = [&](const std::vector<sinter::TensorInfo>& tensors) {
      int64_t all = 0;
      for (const sinter::TensorInfo& tensor : tensors) {
        int64_t elements = 1;
        for (const int64_t extent : tensor.shape) elements *= extent;
        all += aligned(4 * elements, gpu.buffer_alignment());
      }
      return all;
    };
    for (int i = 0; i < 4; ++i) {
      feed.load(batch);
      call.run();
      EXPECT_GT(call.value<float>("loss"), 0);
    }
    const int64_t finding = (gpu.stats().bytes_down - down) / 4 - bytes(call.outputs());
    EXPECT_LE(finding, aligned(128, gpu.buffer_alignment()));  // a word for each check
    EXPECT_EQ(gpu.stats().bytes_up - up,
              4 * (aligned(20, gpu.buffer_alignment()) + bytes(call.inputs()) + finding));
    for (const sinter::TensorInfo& output : call.outputs()) EXPECT_TRUE(output.shape.empty()) << output.name;
  }
  options_by_name() = {};
}

}  // namespace
}  // namespace attention_classifier
