#include <dlfcn.h>

// The driver that leaks.txt names stays loaded, so that its leaks are known as its own when the process ends.
namespace {
[[maybe_unused]] const void* const driver = ::dlopen("libvulkan_lvp.so", RTLD_NOW | RTLD_NODELETE);
}
