#include <dlfcn.h>

// What leaks.txt names stays loaded, so that its leaks are known as its own when the process ends.
namespace {
[[maybe_unused]] const void* const driver = ::dlopen("libvulkan_lvp.so", RTLD_NOW | RTLD_NODELETE);
[[maybe_unused]] const void* const layer =
    ::dlopen("libVkLayer_khronos_validation.so", RTLD_NOW | RTLD_NODELETE);
}  // namespace
