#pragma once

#include <sinter/tensor.h>

#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

// The composite of that name in the table of ops. Its attributes, if it has any, are numbers, and must be
// finite.
Tensor composite(std::string_view name, const std::vector<Operand>& operands,
                 const std::vector<std::pair<std::string_view, double>>& numbers = {});

}  // namespace sinter
