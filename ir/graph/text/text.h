#pragma once

#include <string>
#include <string_view>

#include "ir/graph/graph.h"

// The text form of the Graph IR, as docs/graph_ir.md has it. Printing is deterministic, and parsing what was
// printed gives the same module.
namespace sinter::graph {

struct PrintOptions {
  bool locations = true;
  bool apart = true;  // why kernels were not joined with others
};

std::string print(const Module& module, const PrintOptions& options = {});
std::string print(const Function& function, const PrintOptions& options = {});

// Throws GraphError "FILE:LINE:COLUMN: ..." that says what was expected. The module has been verified.
Module parse(std::string_view text, std::string_view file = "<text>");

}  // namespace sinter::graph
