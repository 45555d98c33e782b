#pragma once

#include <string>
#include <vector>

namespace sinter {

std::string quoted_list(const std::vector<std::string>& names);  // "'ids', 'labels'"

}  // namespace sinter
