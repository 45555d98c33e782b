#include <stdexcept>

#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {

// Parsed text is verified; it prints as text that reads back the same.
void graph_text(std::string_view bytes) {
  std::string printed;
  try {
    printed = graph::print(graph::parse(bytes));
  } catch (const GraphError&) {
    return;
  }
  if (graph::print(graph::parse(printed)) != printed) throw std::logic_error("reads back as another module");
}

}  // namespace sinter::fuzz
