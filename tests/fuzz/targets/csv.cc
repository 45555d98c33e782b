#include <sinter/data/files.h>
#include <sinter/error.h>

#include <stdexcept>

#include "tests/fuzz/targets/memory_file.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {

void csv(std::string_view bytes) {
  static MemoryFile file;
  file.put(bytes);
  for (const bool header : {false, true}) {
    try {
      const Csv table = load_csv(file.path(), {.header = header, .type = f64});
      if (static_cast<size_t>(table.values.size()) > bytes.size())
        throw std::logic_error("more numbers than bytes");
      if (table.column(table.names.back()).size() != table.values.shape()[0])
        throw std::logic_error("a column of another length");
      const CsvRows rows = open_csv(file.path(), {.header = header, .type = f64});
      if (rows.values.size() != table.values.shape()[0])
        throw std::logic_error("rows that are read alone are others");
      const int64_t last = rows.values.size() - 1;
      if (last >= 0) rows.values.read(last, 1);
    } catch (const Error& error) {
      if (error.kind() == Error::Kind::internal) throw std::logic_error(error.what());
    }
  }
}

}  // namespace sinter::fuzz
