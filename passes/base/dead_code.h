#pragma once

#include <string>
#include <unordered_set>

#include "ir/graph/graph.h"

namespace sinter::passes {

// The functions that write or check something, themselves or in what they call.
using Effects = std::unordered_set<std::string>;
Effects functions_with_effects(const graph::Module& module);

// Removes ops that lead to no output, write or check, and values that only pass a barrier. Parameters stay.
void remove_dead_code(graph::Function& function, const Effects& effects);

}  // namespace sinter::passes
