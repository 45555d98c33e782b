#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "backends/registry/registry.h"
#include "bench/workloads/workload.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "passes/explain/explain.h"
#include "passes/pipeline.h"

// The arena: no larger than what is alive in it at one time, and nothing reads what is dead.
namespace sinter::bench {
namespace {

graph::Module module_of(const Workload& work) {
  Program program;
  program.add("step", work.inputs, work.body, work.options);
  program.compile({.device = "reference"});
  return graph::parse(program.text("step", false));
}

TEST(Arena, IsHardlyLargerThanWhatIsAlive) {
  for (const char* name : {"flagship", "infer1", "nanogpt", "block", "rows"}) {
    const loop::Target target;
    const loop::Program program = passes::lower(module_of(workload(name)), "step", target, {});
    const auto peak = static_cast<double>(passes::peak_alive_bytes(program, target.buffer_alignment));
    EXPECT_GT(peak, 0) << name;
    EXPECT_LE(static_cast<double>(program.arena_bytes), 1.05 * peak) << name;
  }
}

constexpr int64_t kBlocks = 8, kLayers = 3, kRows = 64, kWidth = 32;
constexpr int64_t kActivation = kRows * kWidth * 4;  // bytes

// The gradients of blocks of tanh(x w), each block under a checkpoint or none.
graph::Module blocks_of_layers(bool checkpoints) {
  std::vector<Input> inputs = {{"x", f32, {kRows, kWidth}}};
  for (int64_t i = 0; i < kBlocks * kLayers; ++i)
    inputs.push_back({fmt::format("w{}", i), f32, {kWidth, kWidth}});
  Program program;
  program.add("step", inputs, [&](const Inputs& in) -> Outputs {
    Tensor y = in["x"];
    std::vector<Tensor> weights;
    for (int64_t block = 0; block < kBlocks; ++block) {
      const auto layers = [&](Tensor inner) {
        for (int64_t layer = 0; layer < kLayers; ++layer)
          inner = tanh(matmul(inner, in[fmt::format("w{}", kLayers * block + layer)]));
        return inner;
      };
      y = checkpoints ? checkpoint(layers, y) : layers(y);
    }
    for (const Input& input : inputs) weights.push_back(in[input.name]);
    Outputs gradients;
    for (const Tensor& gradient : grad(sum(square(y)), weights))
      gradients.emplace_back(fmt::format("gradient{}", gradients.size()), gradient);
    return gradients;
  });
  program.compile({.device = "reference"});
  return graph::parse(program.text("step", false));
}

// Of a block that is under a checkpoint what it reads is kept, and while one is computed again, two values
// for each of its layers.
TEST(Arena, HasOfACheckpointWhatGoesIn) {
  const graph::Module kept = blocks_of_layers(false), repeated = blocks_of_layers(true);
  for (const auto& [device, machine] :
       {std::pair("cpu", "native"), {"vulkan", "native"}, {"vulkan", "h200"}}) {
    const loop::Target target = backends::open_device(device, 2, machine)->target();
    const auto bytes_of = [&](const graph::Module& module) {
      return passes::lower(module, "step", target, {}).arena_bytes;
    };
    EXPECT_GE(bytes_of(kept), kBlocks * kLayers * kActivation) << device << " " << machine;
    EXPECT_LE(bytes_of(repeated), (kBlocks - 1 + 2 * kLayers) * kActivation + 1024)
        << device << " " << machine;
  }
}

// A kernel that fills `words` f32 with NaNs, which are indices out of any range as well.
loop::Kernel poison(int64_t words) {
  auto buffer = std::make_shared<loop::Buffer>();
  buffer->name = "dead";
  buffer->type = loop::Type::f32;
  buffer->size = words;
  buffer->space = loop::Space::global;
  const auto at = loop::make_variable("at");
  loop::Kernel kernel;
  kernel.name = "poison";
  kernel.arguments = {buffer};
  const auto nan = loop::number(std::numeric_limits<double>::quiet_NaN(), loop::Type::f32);
  kernel.parts = {loop::loop(loop::LoopKind::parallel, at, loop::integer(0), loop::integer(words),
                             loop::store(buffer, loop::variable(at), nan))};
  return kernel;
}

// The program, with launches before each of its own that fill what is dead then.
class Poisoned {
 public:
  explicit Poisoned(loop::Program program) : program_(std::move(program)) {
    const std::vector<loop::Step> steps = std::move(program_.steps);
    program_.steps.clear();
    fill_dead(1);  // the first launch
    for (size_t i = 0; i < steps.size(); ++i) {
      EXPECT_EQ(steps[i].kind, loop::Step::Kind::launch);
      program_.steps.push_back(steps[i]);
      fill_dead(static_cast<int64_t>(i) + 2);  // the next one
    }
  }

  const loop::Program& program() const { return program_; }
  int64_t bytes() const { return bytes_; }

 private:
  void fill_dead(int64_t step) {
    std::map<int64_t, int64_t> alive;  // begin, end
    for (const loop::Slot& slot : program_.slots) {
      if (slot.kind == loop::Slot::Kind::arena && slot.first_step <= step && step <= slot.last_step)
        alive[slot.offset] = std::max(alive[slot.offset], slot.offset + slot.bytes());
    }
    int64_t begin = 0;
    for (const auto& [first, end] : alive) {
      fill(begin, first);
      begin = std::max(begin, end);
    }
    fill(begin, program_.arena_bytes);
  }

  void fill(int64_t begin, int64_t end) {
    begin = (begin + 3) / 4 * 4;
    const int64_t words = (end - begin) / 4;
    if (words <= 0) return;
    bytes_ += 4 * words;
    const auto [it, is_new] = kernels_.try_emplace(words, program_.kernels.size());
    if (is_new) program_.kernels.push_back(poison(words));
    loop::Slot slot{.kind = loop::Slot::Kind::arena, .name = "dead", .type = loop::Type::f32};
    slot.elements = words;
    slot.offset = begin;
    // Never alive where the next one looks.
    slot.first_step = slot.last_step = -1;
    loop::Step step;
    step.kernel = it->second;
    step.arguments = {{.slot = program_.slots.size()}};
    program_.slots.push_back(std::move(slot));
    program_.steps.push_back(std::move(step));
  }

  loop::Program program_;
  std::map<int64_t, size_t> kernels_;
  int64_t bytes_ = 0;
};

using runtime::HostTensor;

void fill_random(HostTensor& tensor, int32_t classes, std::mt19937& random) {
  if (tensor.dtype() == runtime::DType::f32) {
    std::generate_n(tensor.data<float>(), tensor.size(),
                    [&] { return std::uniform_real_distribution<float>(-0.5F, 0.5F)(random); });
  } else {
    std::generate_n(tensor.data<int32_t>(), tensor.size(),
                    [&] { return static_cast<int32_t>(random() % static_cast<uint32_t>(classes)); });
  }
}

// What two steps leave: outputs of the second, then the state.
std::vector<HostTensor> after_two_steps(const Workload& work, const graph::Module& module, bool poisoned) {
  const auto device = backends::open_device("cpu", 2);
  int64_t poisoned_bytes = 0;
  const auto lower = [&](const loop::Target& target) {
    loop::Program program = passes::lower(module, "step", target, {});
    if (!poisoned) return program;
    const Poisoned result(std::move(program));
    poisoned_bytes = result.bytes();
    return result.program();
  };
  const auto executable = device->compile({"step", nullptr, lower});
  EXPECT_EQ(poisoned_bytes > 0, poisoned);
  const auto context = executable->make_context();
  const auto state = device->make_state(module.states);
  std::mt19937 random(3);
  for (const runtime::TensorSpec& spec : state->specs()) {
    HostTensor value(spec.dtype, spec.shape);
    if (spec.dtype == runtime::DType::f32) fill_random(value, 1, random);
    // Moments of second order are not negative.
    if (spec.dtype == runtime::DType::f32 && spec.name.find("adamw") != std::string::npos)
      std::for_each_n(value.data<float>(), value.size(), [](float& x) { x = std::abs(x); });
    state->set(spec.name, value);
  }
  std::vector<HostTensor> inputs, outputs;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const runtime::TensorSpec& spec : executable->inputs()) {
    inputs.emplace_back(spec.dtype, spec.shape);
    fill_random(inputs.back(), work.classes, random);
  }
  for (const HostTensor& input : inputs) in.push_back(input.raw());
  for (const runtime::TensorSpec& spec : executable->outputs()) outputs.emplace_back(spec.dtype, spec.shape);
  for (HostTensor& output : outputs) out.push_back(output.raw());
  for (uint32_t step = 0; step < 2; ++step) executable->run(*context, *state, {in, out, 5, step});
  for (const runtime::TensorSpec& spec : state->specs()) outputs.push_back(state->get(spec.name));
  return outputs;
}

void expect_nothing_dead_is_read(const std::string& name) {
  const Workload work = workload(name);
  const graph::Module module = module_of(work);
  const auto expected = after_two_steps(work, module, false);
  const auto got = after_two_steps(work, module, true);
  ASSERT_EQ(expected.size(), got.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (expected[i].dtype() == runtime::DType::f32) {
      for (float x : expected[i].values<float>()) ASSERT_TRUE(std::isfinite(x)) << name << ", tensor " << i;
    }
    EXPECT_EQ(std::memcmp(expected[i].raw(), got[i].raw(), got[i].bytes()), 0) << name << ", tensor " << i;
  }
}

TEST(Arena, NothingDeadIsRead) {
  for (const char* name : {"flagship", "infer1", "nanogpt", "sdpa:96:causal"}) {
    expect_nothing_dead_is_read(name);
  }
}

}  // namespace
}  // namespace sinter::bench
