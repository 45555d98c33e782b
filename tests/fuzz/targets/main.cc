#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets/targets.h"

// What libFuzzer calls: the target that SINTER_FUZZ_THIS names.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sinter::fuzz::SINTER_FUZZ_THIS({reinterpret_cast<const char*>(data), size});
  return 0;
}
