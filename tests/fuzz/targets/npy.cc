#include "runtime/npy.h"

#include <cstring>
#include <stdexcept>

#include "runtime/error.h"
#include "tests/fuzz/targets/memory_file.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {

void npy(std::string_view bytes) {
  static MemoryFile file;
  file.put(bytes);
  try {
    const runtime::HostTensor tensor = runtime::read_npy(file.path());
    // All of it is there to be read.
    if (static_cast<size_t>(tensor.size()) > bytes.size()) throw std::logic_error("more elements than bytes");
    static volatile char seen;
    for (size_t i = 0; i < tensor.bytes(); ++i) seen = static_cast<const char*>(tensor.raw())[i];
    (void)seen;
  } catch (const RuntimeError&) {
  }
}

}  // namespace sinter::fuzz
