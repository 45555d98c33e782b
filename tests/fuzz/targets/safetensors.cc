#include "runtime/safetensors.h"

#include <stdexcept>

#include "runtime/error.h"
#include "tests/fuzz/targets/memory_file.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {

void safetensors(std::string_view bytes) {
  static MemoryFile file;
  file.put(bytes);
  try {
    size_t total = 0;
    for (const auto& [name, tensor] : runtime::read_safetensors(file.path()).tensors) {
      total += tensor.bytes();
    }
    // A u8 is held in an i32.
    if (total / 4 > bytes.size()) throw std::logic_error("more elements than bytes");
  } catch (const RuntimeError&) {
  }
}

}  // namespace sinter::fuzz
