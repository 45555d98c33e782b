#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sinter {

std::string quoted_list(const std::vector<std::string>& names);  // "'ids', 'labels'"

// Throws Error where it is not of letters, digits and '_', or begins with a digit: "'a-b' does not name
// `what`". With `dots`, these may be in it.
void check_name(std::string_view what, const std::string& name, bool dots = false);

}  // namespace sinter
