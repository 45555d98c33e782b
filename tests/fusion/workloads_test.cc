#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "backends/registry/registry.h"
#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/vulkan.h"
#include "bench/workloads/workload.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"

// What the yardstick models become: kernels and memory, counted; the same values fused and not, and the same
// bits on any number of threads.
namespace sinter::bench {
namespace {

struct Compiled {
  Compiled(const std::string& name, bool fuse, int threads, const std::string& device = "cpu") {
    work = workload(name);
    program.add("step", work.inputs, work.body, work.options);
    program.compile({.device = device, .threads = threads, .seed = 7, .fuse = fuse});
  }

  Workload work;
  Program program;
};

int kernels_of(const Program& program) {
  const std::string text = program.explain("step");
  return std::stoi(text.substr(text.find(": ") + 2));
}

TEST(Flagship, IsAShortListOfKernels) {
  EXPECT_LE(kernels_of(Compiled("infer1", true, 1).program), 7);
  EXPECT_LE(kernels_of(Compiled("flagship", true, 1).program), 20);
}

TEST(NanoGpt, IsAtMost22KernelsALayerAnd12Besides) {
  EXPECT_LE(kernels_of(Compiled("nanogpt", true, 1).program), 22 * 4 + 12);
}

TEST(Fusion, MakesFewerKernels) {
  EXPECT_GT(kernels_of(Compiled("infer1", false, 1).program), 7);
}

// Launches on a GPU that is not at hand.
int launches(const std::string& name) {
  const Workload work = workload(name);
  Program program;
  program.add("step", work.inputs, work.body, work.options);
  program.compile({.device = "reference"});
  const graph::Module module = graph::parse(program.text("step", false), name);
  const loop::Target target = backends::open_device("vulkan", 1, "h200")->target();
  const graph::Module kernels = passes::to_kernels(module, "step", target, {});
  const auto is_kernel = [](const auto& op) { return op->code == graph::OpCode::kernel; };
  return static_cast<int>(std::ranges::count_if(kernels.find_function("step")->ops(), is_kernel));
}

TEST(LaunchesOnAGpu, AreHardlyMoreThanTheLongestChainOfKernelsHas) {
  EXPECT_LE(launches("flagship"), 14);
  EXPECT_LE(launches("flagship:batch=4096"), 15);
  EXPECT_LE(launches("infer1"), 7);
  EXPECT_LE(launches("nanogpt"), 84);
  EXPECT_LE(launches("block"), 20);
  EXPECT_LE(launches("rows"), 3);
}

void fill(Function& step, int32_t classes) {
  uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525u + 1013904223u; };
  for (const TensorInfo& input : step.inputs()) {
    if (input.dtype == f32) {
      for (float& value : step.input<float>(input.name))
        value = static_cast<float>(next() >> 8) * 0x1p-23f - 1;
    } else {
      for (int32_t& value : step.input<int32_t>(input.name)) {
        value = static_cast<int32_t>((next() >> 8) % static_cast<uint32_t>(classes));
      }
    }
  }
}

std::vector<float> losses(const std::string& name, bool fuse, int threads, int steps,
                          const std::string& device = "cpu") {
  Compiled compiled(name, fuse, threads, device);
  Function step = compiled.program.function("step");
  fill(step, compiled.work.classes);
  std::vector<float> result;
  for (int i = 0; i < steps; ++i) {
    step.run();
    result.push_back(step.value<float>("loss"));
  }
  return result;
}

TEST(Flagship, LearnsTheSameFusedAndNot) {
  const auto fused = losses("flagship", true, 2, 30), apart = losses("flagship", false, 2, 30);
  EXPECT_LT(fused.back(), fused.front());
  for (size_t i = 0; i < fused.size(); ++i) EXPECT_NEAR(fused[i], apart[i], 1e-4 * apart[0]) << "step " << i;
}

TEST(Flagship, AgreesWithTheReferenceAsAWhole) {
  EXPECT_EQ(Compiled("flagship", true, 2).program.check().disagreement, "");
  EXPECT_EQ(Compiled("infer1", true, 2, "vulkan").program.check().disagreement, "");
}

TEST(Flagship, LearnsTheSameOnVulkan) {
  const auto cpu = losses("flagship", true, 2, 30), gpu = losses("flagship", true, 2, 30, "vulkan");
  for (size_t i = 0; i < cpu.size(); ++i) EXPECT_NEAR(gpu[i], cpu[i], 1e-4 * cpu[i]) << "step " << i;
}

// On the device at hand, which passes for a GPU with shared memory of its own and many multiprocessors: what
// a card would run.
TEST(Flagship, LearnsTheSameAsOnADiscreteGpu) {
  vulkan::options_by_name().lessen = [](vulkan::GpuAbilities& abilities) {
    abilities.is_processor = false;
    abilities.multiprocessors = 132;
  };
  const auto cpu = losses("flagship", true, 2, 5), gpu = losses("flagship", true, 2, 5, "vulkan");
  for (size_t i = 0; i < cpu.size(); ++i) EXPECT_NEAR(gpu[i], cpu[i], 1e-4 * cpu[i]) << "step " << i;
  vulkan::options_by_name() = {};
}

TEST(Flagship, HasTheSameBitsOnAnyNumberOfThreads) {
  const auto one = losses("flagship", true, 1, 10);
  for (int threads : {2, 3}) {
    const auto many = losses("flagship", true, threads, 10);
    EXPECT_EQ(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)), 0) << threads << " threads";
  }
}

}  // namespace
}  // namespace sinter::bench
