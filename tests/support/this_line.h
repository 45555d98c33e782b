#pragma once

#include <source_location>

namespace sinter {

// The number of the line that calls it.
inline int this_line(std::source_location where = std::source_location::current()) {
  return static_cast<int>(where.line());
}

}  // namespace sinter
