#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// A pass rewrites a module in place. Its name is its file, its name on the command line, and its folder of
// golden tests. `arguments` are those given on the command line as pass(argument;argument), mostly none.
struct Pass {
  std::string_view name;
  std::string_view summary;
  void (*run)(graph::Module& module, const std::vector<std::string>& arguments);
};

std::span<const Pass> all_passes();            // the catalogue: passes/catalogue.cc
const Pass& find_pass(std::string_view name);  // throws GraphError that lists the names

}  // namespace sinter::passes
