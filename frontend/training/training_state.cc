#include "frontend/training/training_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sinter {

void check_name_of_state(const Ranges& ranges, const std::string& name) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  const bool named = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
                     std::all_of(name.begin(), name.end(), fits);
  ranges.require(named, "name", "of letters, digits and '_'", fmt::format("'{}'", name));
}

}  // namespace sinter
