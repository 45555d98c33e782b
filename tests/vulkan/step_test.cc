#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "backends/vulkan/vulkan.h"
#include "runtime/error.h"
#include "tests/vulkan/harness.h"
#include "tests/vulkan/replaced.h"

// Whole steps: state, faults, random numbers, and what a step costs.
namespace sinter::vulkan::test {
namespace {

using runtime::HostTensor;

// Two layers with dropout between them, trained by gradient descent.
constexpr const char* kModelTraining = R"(state @w1: f32[8,16]
state @w2: f32[16,4]

func @f(%x: f32[12,8], %labels: i32[12]) {
  %0: f32[8,16] = read {state="w1"}
  %1: f32[16,4] = read {state="w2"}
  %2: f32[12,16] = contract %x, %0 {dims="ik,kj->ij"}
  %3: f32[12,16] = tanh %2
  %4: f32[12,16] = dropout %3 {key=9, rate=0.25}
  %5: f32[12,4] = contract %4, %1 {dims="ik,kj->ij"}
  %6: f32[] = cross_entropy %5, %labels
  %7: f32[8,16], %8: f32[16,4] = grad %6, %0, %1
  %9: f32[] = constant {dtype=f32, shape=[], value=0.5}
  %10: f32[8,16] = broadcast %9 {dims=[], shape=[8,16]}
  %11: f32[16,4] = broadcast %9 {dims=[], shape=[16,4]}
  %12: f32[8,16] = mul %7, %10
  %13: f32[16,4] = mul %8, %11
  %14: f32[8,16] = sub %0, %12
  %15: f32[16,4] = sub %1, %13
  write %14 {state="w1"}
  write %15 {state="w2"}
  return loss=%6
}
)";

void initialize_model(Compiled& model) {
  for (const char* name : {"w1", "w2"}) {
    HostTensor value = model.state().get(name);
    for (size_t i = 0; i < static_cast<size_t>(value.size()); ++i) {
      elements<float>(value)[i] = static_cast<float>(static_cast<int>(i * 7 % 11) - 5) * 0.1f;
    }
    model.state().set(name, value);
  }
}

std::vector<float> train(Compiled& model, uint32_t steps) {
  initialize_model(model);
  std::vector<float> losses;
  for (uint32_t step = 0; step < steps; ++step) {
    model.run(step);
    losses.push_back(model.outputs()[0].values<float>()[0]);
  }
  return losses;
}

TEST(VulkanStep, TrainsAsTheCpuDoes) {
  for (const bool stage : {false, true}) {
    Compiled cpu(kModelTraining, on_cpu());
    Compiled gpu(kModelTraining, make_device(stage ? staging_gpu() : watched_gpu()));
    const auto want = train(cpu, 40), got = train(gpu, 40);
    EXPECT_LT(want.back(), want.front() * 0.7f);
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-4 * want[i]) << "step " << i;
  }
}

TEST(VulkanStep, GivesTheSameBytesAgain) {
  Compiled model(kModelTraining, on_vulkan());
  const auto first = train(model, 10);
  const HostTensor weights = model.state().get("w1");
  const auto second = train(model, 10);
  EXPECT_EQ(std::memcmp(first.data(), second.data(), first.size() * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(weights.raw(), model.state().get("w1").raw(), weights.bytes()), 0);
}

TEST(VulkanStep, IsOneSubmitOfWhatTheFirstStepRecorded) {
  for (const auto& gpu : {watched_gpu(), staging_gpu()}) {
    Compiled model(kModelTraining, make_device(gpu));
    initialize_model(model);
    model.run(0);
    GpuStats& stats = gpu->stats();
    const int64_t pipelines = stats.pipelines, allocations = stats.allocations, recordings = stats.recordings,
                  submits = stats.submits;
    for (uint32_t step = 1; step < 6; ++step) model.run(step);
    EXPECT_EQ(stats.pipelines, pipelines);
    EXPECT_EQ(stats.allocations, allocations);
    EXPECT_EQ(stats.recordings, recordings);
    EXPECT_EQ(stats.submits, submits + 5);
  }
}

// No memory, no pipeline, no binding, nothing recorded, nothing asked.
TEST(VulkanStep, CallsTheDriverToSubmitAndToWait) {
  for (const auto& gpu : {watched_gpu(), staging_gpu()}) {
    Compiled model(kModelTraining, make_device(gpu));
    initialize_model(model);
    model.run(0);
    const CallCounts counting;
    for (uint32_t step = 1; step < 6; ++step) model.run(step);
    EXPECT_THAT(CallCounts::counts(),
                testing::ElementsAre(testing::Pair("vkQueueSubmit", 5), testing::Pair("vkResetFences", 5),
                                     testing::Pair("vkWaitForFences", 5)));
  }
}

TEST(VulkanStep, AProfileTimesEveryLaunchAndChangesNothing) {
  Compiled plain(kModelTraining, on_vulkan()), timed(kModelTraining, on_vulkan());
  initialize_model(plain);
  initialize_model(timed);
  runtime::Profile profile;
  const int64_t submits = watched_gpu()->stats().submits;
  for (uint32_t step = 0; step < 3; ++step) timed.run(step, &profile);
  EXPECT_EQ(watched_gpu()->stats().submits, submits + 3);
  for (uint32_t step = 0; step < 3; ++step) plain.run(step);
  EXPECT_EQ(timed.output_bytes(), plain.output_bytes());

  const std::string table = profile.table();
  EXPECT_THAT(table, testing::StartsWith("3 calls, "));
  EXPECT_THAT(table, testing::HasSubstr("\n        3 ")) << "launches of a kernel";
  EXPECT_THAT(table, testing::HasSubstr(" f: contract")) << "its name";
  EXPECT_THAT(table, testing::Not(testing::HasSubstr("\n        3       0.00 ")))
      << "a launch that takes no time";
}

TEST(VulkanStep, RandomNumbersAreTheCpusBitForBit) {
  constexpr const char* kRandom = R"(func @f(%x: f32[7,40]) {
  %0: f32[7,40] = dropout %x {key=3, rate=0.4}
  %1: i32[300] = random_bits {key=4, shape=[300]}
  %2: f32[300] = random_uniform {dtype=f32, key=5, shape=[300]}
  return %0, %1, %2
})";
  Compiled cpu(kRandom, on_cpu()), gpu(kRandom, on_vulkan());
  for (uint32_t step = 0; step < 3; ++step) {
    cpu.run(step);
    gpu.run(step);
    EXPECT_EQ(cpu.output_bytes(), gpu.output_bytes());
  }
}

// Writes state from gathered rows.
constexpr const char* kGather = R"(state @seen: f32[600,3]

func @f(%table: f32[5,3], %ids: i32[600]) {
  %0: f32[600,3] = gather %table, %ids {axis=0} @"model.cc":12 "words"
  write %0 {state="seen"}
  return %0
}
)";

std::string failure(Compiled& model) {
  try {
    model.run();
  } catch (const RuntimeError& error) {
    return error.what();
  }
  return "no failure";
}

TEST(VulkanStep, AFailedCheckTellsTheFirstPositionAndChangesNothing) {
  for (const bool stage : {false, true}) {
    Compiled cpu(kGather, on_cpu());
    Compiled gpu(kGather, make_device(stage ? staging_gpu() : watched_gpu()));
    for (Compiled* model : {&cpu, &gpu}) model->run();
    const HostTensor before = gpu.state().get("seen");
    for (Compiled* model : {&cpu, &gpu}) {
      const auto ids = elements<int32_t>(model->input(1));
      ids[577] = 88;
      ids[311] = -7;
      ids[599] = 5;
      elements<float>(model->input(0))[0] = 100;
    }
    EXPECT_EQ(failure(gpu), failure(cpu));
    EXPECT_NE(failure(gpu).find("index -7 at position [311]"), std::string::npos) << failure(gpu);
    for (Compiled* model : {&cpu, &gpu}) {
      EXPECT_EQ(std::memcmp(before.raw(), model->state().get("seen").raw(), before.bytes()), 0);
    }
    gpu.draw_inputs(4);
    EXPECT_EQ(failure(gpu), "no failure");
  }
}

TEST(VulkanStep, TellsTheValueThatIsNotFinite) {
  constexpr const char* kFinite = R"(func @f(%x: f32[70]) {
  %0: f32[70] = log %x
  %1: f32[70] = check_finite %0 {what="score"}
  return %1
})";
  Compiled cpu(kFinite, on_cpu()), gpu(kFinite, on_vulkan());
  for (Compiled* model : {&cpu, &gpu}) {
    for (float& x : elements<float>(model->input(0))) x = 1;
    elements<float>(model->input(0))[66] = 0;
  }
  EXPECT_EQ(failure(gpu), failure(cpu));
}

}  // namespace
}  // namespace sinter::vulkan::test
