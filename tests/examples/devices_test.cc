#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "tests/examples/trained.h"

// The classifier's training on a GPU: as on the CPU, and the same bytes each time.
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

}  // namespace
}  // namespace attention_classifier
