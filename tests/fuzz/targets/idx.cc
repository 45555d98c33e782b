#include <sinter/data/rows.h>
#include <sinter/error.h>

#include <algorithm>
#include <stdexcept>

#include "tests/fuzz/targets/memory_file.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {

void idx(std::string_view bytes) {
  static MemoryFile file;
  file.put(bytes);
  try {
    const Rows rows = open_idx(file.path());
    const Array all = rows.read();
    if (static_cast<size_t>(all.size()) > bytes.size()) throw std::logic_error("more elements than bytes");
    for (int64_t row = 0; row < std::min<int64_t>(rows.size(), 3); ++row) rows.read(row, 1);
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::internal) throw std::logic_error(error.what());
  }
}

}  // namespace sinter::fuzz
