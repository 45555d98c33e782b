#include <cstdlib>

#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/vulkan.h"
#include "tests/support/discrete.h"

// Where SINTER_AS_DISCRETE is set, "vulkan" is the device at hand, passing for a discrete GPU: its kernels,
// its launches, and inputs and outputs copied.
namespace sinter::vulkan::test {
namespace {

[[maybe_unused]] const bool is_discrete = [] {
  if (std::getenv("SINTER_AS_DISCRETE") == nullptr) return false;
  options_by_name().stage = true;
  options_by_name().lessen = discrete;
  return true;
}();

}  // namespace
}  // namespace sinter::vulkan::test
