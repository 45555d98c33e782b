// The skeleton that a new backend begins with compiles, and computes what the reference does.
#include "backends/template/template.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "passes/differentiate/differentiate.h"
#include "runtime/file.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

TEST(Template, ComputesWhatTheReferenceDoes) {
  const std::unique_ptr<backends::Device> device = skeleton::backend().open({});
  for (const char* name :
       {"group/layer_norm", "group/feed_forward", "place/state", "differentiate/attention"}) {
    SCOPED_TRACE(name);
    const std::string path = std::string(SINTER_SOURCE_DIR "/tests/golden/") + name + ".in.sg";
    const graph::Module module = passes::differentiated(graph::parse(runtime::read_file(path), name));
    const graph::Function& function = *module.functions[0];
    const auto executable = compile_function(module, function.name(), *device);
    EXPECT_EQ(difference_on_random_inputs(module, function, *device, *executable), "");
  }
}

TEST(Template, TellsWhichCheckFails) {
  const graph::Module module = graph::parse(R"(func @f(%at: i32[2,2], %x: f32[2,2]) {
  %0: i32[2,2] = check_index %at {bound=3, op="gather", what="at"}
  %1: f32[2,2] = check_finite %x {what="x"}
  return %0, %1
})");
  const std::unique_ptr<backends::Device> device = skeleton::backend().open({});
  const auto executable = compile_function(module, "f", *device);
  const auto said = [&](std::vector<int32_t> at, std::vector<float> x) {
    const void* const inputs[] = {at.data(), x.data()};
    void* const outputs[] = {at.data(), x.data()};
    const auto state = device->make_state({});
    return message_of([&] {
      executable->run(*executable->make_context(), *state, {.inputs = inputs, .outputs = outputs});
    });
  };
  EXPECT_EQ(said({0, 1, 2, 0}, {1, 2, 3, 4}), "");
  EXPECT_EQ(said({0, 1, 7, 0}, {1, 2, 3, 4}), "gather: index 7 at position [1,0] of 'at' is outside [0,3)");
  EXPECT_EQ(said({0, 1, 2, 0}, {1, INFINITY, 3, 4}), "x is not finite: inf at position [0,1]");
}

TEST(Template, IsNotOfferedToUsers) {
  EXPECT_EQ(skeleton::backend().name(), "template");
  EXPECT_EQ(message_of([] { backends::open_device("template"); }),
            "unknown device 'template': expected one of reference, cpu, vulkan");
}

}  // namespace
}  // namespace sinter
