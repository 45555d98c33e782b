#include "backends/cpu/compile/sanitize.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"

namespace sinter::cpu {
namespace {

// Only memory that the sanitizer knows of has an end that it sees.
TEST(Sanitizer, SeesWhatGeneratedCodeDoes) {
  if (kSanitizer != Sanitizer::address) GTEST_SKIP() << "built without the sanitizer for addresses";
  const auto device = backends::open_device("cpu", 1);
  const graph::Module module =
      graph::parse("func @f(%x: f32[64]) {\n  %0: f32[64] = neg %x\n  return y=%0\n}\n");
  const auto executable = compile_function(module, "f", *device);
  const auto context = executable->make_context();
  const auto state = device->make_state(module.states);
  const std::array<float, 64> x = {};
  const auto y = std::make_unique<float[]>(60);
  const void* in = x.data();
  void* out = y.get();
  EXPECT_DEATH(executable->run(*context, *state, {{&in, 1}, {&out, 1}}), "heap-buffer-overflow");
}

}  // namespace
}  // namespace sinter::cpu
