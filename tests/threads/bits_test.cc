#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "backends/cpu/compile/compile.h"
#include "backends/cpu/run/executable.h"
#include "backends/registry/registry.h"
#include "bench/workloads/workload.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"

// A step gives the same bits whatever number of threads it is cut for, and whatever number works on it at
// once.
namespace sinter {
namespace {

using runtime::HostTensor;
using Tensors = std::vector<HostTensor>;

struct Step {
  Step(const std::string& name, int cut_for) {
    const bench::Workload work = bench::workload(name);
    Program program;
    program.add("step", work.inputs, work.body, work.options);
    program.compile({.device = "reference", .seed = 7});
    module = graph::parse(program.text("step", false));
    const auto device = backends::open_device("cpu", 1);
    runtime::DiskCache no_cache("");
    cpu::Machine machine = cpu::host();
    machine.target.threads = cut_for;
    image = cpu::compile(passes::lower(module, "step", machine.target, {}), machine, no_cache);
    state = device->make_state(module.states);
    for (const runtime::TensorSpec& spec : state->specs()) {
      states.push_back(program.state(spec.name).host());
    }
    std::mt19937 random(1);
    for (const runtime::TensorSpec& spec : image.inputs) {
      HostTensor& tensor = inputs.emplace_back(spec.dtype, spec.shape);
      for (int64_t i = 0; i < tensor.size(); ++i) {
        if (spec.dtype == runtime::DType::i32) {
          tensor.data<int32_t>()[i] = static_cast<int32_t>(random() % static_cast<uint32_t>(work.classes));
        } else {
          tensor.data<float>()[i] = static_cast<float>(random() >> 8) * 0x1p-23f - 1;
        }
      }
    }
  }

  // Outputs and state after a few steps.
  Tensors run(int threads) const {
    constexpr uint32_t kSteps = 6;
    const auto pool = std::make_shared<runtime::ThreadPool>(threads, threads);
    const auto executable = cpu::make_executable(image, pool);
    const auto context = executable->make_context();
    for (size_t i = 0; i < states.size(); ++i) state->set(state->specs()[i].name, states[i]);
    std::vector<const void*> in;
    for (const HostTensor& input : inputs) in.push_back(input.raw());
    Tensors results;
    std::vector<std::vector<void*>> out(kSteps);
    for (std::vector<void*>& each : out) {
      for (const runtime::TensorSpec& spec : image.outputs)
        each.push_back(results.emplace_back(spec.dtype, spec.shape).raw());
    }
    // The pool's other threads are before the caller where there are fewer cores: else it would be done
    // alone.
    std::thread([&] {
      EXPECT_NE(::nice(19), -1);
      for (uint32_t step = 0; step < kSteps; ++step)
        executable->run(*context, *state, {in, out[step], 5, step});
    }).join();
    for (const runtime::TensorSpec& spec : state->specs()) results.push_back(state->get(spec.name));
    return results;
  }

  graph::Module module;
  cpu::Image image;
  std::unique_ptr<runtime::StateStore> state;
  Tensors states, inputs;
};

class Bits : public testing::TestWithParam<const char*> {};

TEST_P(Bits, AreThoseOfOneThread) {
  const Tensors alone = Step(GetParam(), 1).run(1);
  for (int cut_for : {2, 7, 64}) {
    const Step step(GetParam(), cut_for);
    for (int threads : {2, 3, 5, 8, 16, 33}) {
      if (cut_for != 7 && threads != 3) continue;
      const Tensors together = step.run(threads);
      for (size_t i = 0; i < alone.size(); ++i) {
        EXPECT_EQ(std::memcmp(alone[i].raw(), together[i].raw(), alone[i].bytes()), 0)
            << "result " << i << ", cut for " << cut_for << ", " << threads << " threads";
      }
    }
  }
}

// Products, also with a long k; attention; norms and softmax; embeddings, losses and optimisers of whole
// models.
INSTANTIATE_TEST_SUITE_P(Of, Bits,
                         testing::Values("flagship", "nanogpt:layers=1,batch=5", "rows:rows=333,width=500",
                                         "sdpa:200", "sdpa:333:causal", "gemm:200x200x3000",
                                         "gemm:200x200x3000:nt", "gemm:64x64x4096:tn", "gemm:333x500x77"));

}  // namespace
}  // namespace sinter
