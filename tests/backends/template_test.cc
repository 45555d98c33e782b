// The skeleton that a new backend begins with compiles, and computes what the reference does.
#include "backends/template/template.h"

#include <gtest/gtest.h>

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

TEST(Template, IsNotOfferedToUsers) {
  EXPECT_EQ(skeleton::backend().name(), "template");
  EXPECT_EQ(message_of([] { backends::open_device("template"); }),
            "unknown device 'template': expected one of reference, cpu, vulkan");
}

}  // namespace
}  // namespace sinter
