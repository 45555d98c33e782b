#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// A module of one function, of copies of these ops in their order. What they read from others becomes its
// parameters; the results of the last that are `wanted` are its outputs.
graph::Module alone(const std::string& name, const std::vector<const graph::Op*>& ops,
                    const std::function<bool(size_t result)>& wanted = nullptr);

}  // namespace sinter::passes
