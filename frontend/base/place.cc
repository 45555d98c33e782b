#include "frontend/base/place.h"

#include <fmt/format.h>
#include <sinter/error.h>

namespace sinter {

graph::Location place_of(const std::source_location& where, std::string scope) {
  const std::string_view path = where.file_name();
  return {std::string(path.substr(path.find_last_of("/\\") + 1)), static_cast<int>(where.line()),
          std::move(scope)};
}

void fail_at(std::string_view what, std::string_view message, const graph::Location& place) {
  const std::string text = to_string(place);
  throw Error(fmt::format("{}: {}{}", what, message, text.empty() ? "" : fmt::format(" ({})", text)));
}

}  // namespace sinter
