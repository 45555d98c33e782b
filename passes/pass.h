#pragma once

#include <span>
#include <string_view>

#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "passes/base/arguments.h"

namespace sinter::passes {

// A pass: its name is its file, its name on the command line, and its folder of golden tests. It rewrites a
// graph in place, or one function after the other, makes the loops of the kernels in a function, makes a
// program of these, or makes other loops of a program's: one of the five. Only the first takes arguments.
struct Pass {
  std::string_view name;
  std::string_view summary;
  void (*on_graph)(graph::Module&, const Arguments&, const loop::Target&) = nullptr;
  void (*on_function)(graph::Module&, graph::Function&, const loop::Target&) = nullptr;
  loop::Program (*to_kernels)(const graph::Module&, const graph::Function&, const loop::Target&) = nullptr;
  loop::Program (*to_program)(const graph::Module&, const graph::Function&, loop::Program kernels,
                              const loop::Target&) = nullptr;
  loop::Program (*on_loops)(const loop::Program&, const loop::Target&) = nullptr;

  bool is_on_graph() const { return on_graph != nullptr || on_function != nullptr; }
};

std::span<const Pass> all_passes();            // the catalogue: passes/catalogue.cc
const Pass& find_pass(std::string_view name);  // throws GraphError that lists the names

}  // namespace sinter::passes
