#include "frontend/base/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sinter/error.h>

#include <algorithm>
#include <cctype>

namespace sinter {

std::string quoted_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back(fmt::format("'{}'", name));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

void check_name(std::string_view what, const std::string& name, bool dots) {
  const auto fits = [&](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || (dots && c == '.'); };
  if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 && name[0] != '.' &&
      std::all_of(name.begin(), name.end(), fits)) {
    return;
  }
  throw Error(fmt::format("'{}' does not name {}: letters, digits{} do", name, what,
                          dots ? ", '_' and '.'" : " and '_'"));
}

}  // namespace sinter
