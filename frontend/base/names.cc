#include "frontend/base/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sinter {

std::string quoted_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back(fmt::format("'{}'", name));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

}  // namespace sinter
