#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "tests/support/message_of.h"

namespace sinter::graph {

// A module in which every op occurs, as the printer writes it.
inline std::string every_op() {
  std::ifstream file(SINTER_SOURCE_DIR "/tests/ir/every_op.sg");
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string parse_error(std::string_view text) {
  return message_of([&] { parse(text, "in.sg"); });
}

}  // namespace sinter::graph
