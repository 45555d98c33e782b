#include "tests/vulkan/harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>

#include "backends/registry/registry.h"
#include "backends/vulkan/run/instance.h"
#include "backends/vulkan/vulkan.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"

namespace sinter::vulkan::test {
namespace {

using runtime::DType;
using runtime::HostTensor;

GpuOptions options(bool stage) {
  GpuOptions result{.stage = stage};
  if (has_validation_layer()) {
    result.on_message = [](const std::string& message) { ADD_FAILURE() << message; };
  }
  return result;
}

void draw(HostTensor& tensor, std::mt19937& random) {
  std::uniform_real_distribution<float> number(-2, 2);
  switch (tensor.dtype()) {
    case DType::f32:
      for (float& x : elements<float>(tensor)) x = number(random);
      return;
    case DType::f64:
      for (double& x : elements<double>(tensor)) x = number(random);
      return;
    case DType::i32:
      for (int32_t& x : elements<int32_t>(tensor)) x = static_cast<int32_t>(random() % 3);
      return;
    case DType::i64:
      for (int64_t& x : elements<int64_t>(tensor)) x = static_cast<int64_t>(random() % 3);
      return;
    default:
      for (bool& x : elements<bool>(tensor)) x = random() % 2 == 0;
  }
}

}  // namespace

std::shared_ptr<Gpu> watched_gpu() {
  static std::shared_ptr<Gpu> gpu;
  if (!gpu || gpu->is_lost()) gpu = std::make_shared<Gpu>(options(false));
  return gpu;
}

std::shared_ptr<Gpu> staging_gpu() {
  static std::shared_ptr<Gpu> gpu;
  if (!gpu || gpu->is_lost()) gpu = std::make_shared<Gpu>(options(true));
  return gpu;
}

StagingByName::StagingByName() {
  options_by_name() = options(true);
}

StagingByName::~StagingByName() {
  options_by_name() = {};
}

std::unique_ptr<backends::Device> on_cpu() {
  return backends::open_device("cpu", 1);
}

std::unique_ptr<backends::Device> on_vulkan() {
  return make_device(watched_gpu());
}

std::shared_ptr<Gpu> watched_gpu_as(std::function<void(GpuAbilities&)> lessen) {
  GpuOptions changed = options(false);
  changed.lessen = std::move(lessen);
  return std::make_shared<Gpu>(changed);
}

std::unique_ptr<backends::Device> on_vulkan_as(std::function<void(GpuAbilities&)> lessen) {
  return make_device(watched_gpu_as(std::move(lessen)));
}

Compiled::Compiled(const std::string& text, std::unique_ptr<backends::Device> device)
    : device_(std::move(device)) {
  const graph::Module module = graph::parse(text, "test.sg");
  executable_ = compile_function(module, "f", *device_);
  context_ = executable_->make_context();
  state_ = device_->make_state(module.states);
  for (const auto& spec : executable_->inputs()) inputs_.emplace_back(spec.dtype, spec.shape);
  for (const auto& spec : executable_->outputs()) outputs_.emplace_back(spec.dtype, spec.shape);
  draw_inputs(1);
}

void Compiled::draw_inputs(uint32_t seed) {
  std::mt19937 random(seed);
  for (HostTensor& input : inputs_) draw(input, random);
}

void Compiled::run(uint32_t step, runtime::Profile* profile) {
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const HostTensor& input : inputs_) in.push_back(input.raw());
  for (HostTensor& output : outputs_) out.push_back(output.raw());
  executable_->run(*context_, *state_, {in, out, 5, step, profile});
}

std::vector<std::byte> Compiled::output_bytes() const {
  std::vector<std::byte> all;
  for (const HostTensor& output : outputs_) {
    const auto* bytes = static_cast<const std::byte*>(output.raw());
    all.insert(all.end(), bytes, bytes + output.bytes());
  }
  return all;
}

void expect_close(const HostTensor& got, const HostTensor& want, double tolerance) {
  if (got.dtype() != DType::f32) {
    ASSERT_EQ(got.bytes(), want.bytes());
    EXPECT_EQ(std::memcmp(got.raw(), want.raw(), got.bytes()), 0);
    return;
  }
  double largest = 1, distance = 0;
  for (size_t i = 0; i < got.values<float>().size(); ++i) {
    const double a = got.values<float>()[i], b = want.values<float>()[i];
    if (std::isnan(b) || std::isinf(b)) {
      EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << a << " for " << b;
      continue;
    }
    largest = std::max(largest, std::fabs(b));
    distance = std::max(distance, std::isnan(a) ? INFINITY : std::fabs(a - b));
  }
  EXPECT_LE(distance, tolerance * largest);
}

void expect_same_as_cpu(const std::string& text, double tolerance, std::unique_ptr<backends::Device> device) {
  Compiled cpu(text, on_cpu()), gpu(text, std::move(device));
  cpu.run();
  gpu.run();
  for (size_t i = 0; i < cpu.outputs().size(); ++i) {
    SCOPED_TRACE("output " + std::to_string(i));
    expect_close(gpu.outputs()[i], cpu.outputs()[i], tolerance);
  }
}

}  // namespace sinter::vulkan::test
