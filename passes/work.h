#pragma once

#include <string>
#include <vector>

#include "ir/graph/text/text.h"
#include "passes/pass_list.h"

namespace sinter::passes {

// What passes work on, one after the other: a module, and from `plan` on the loops of its functions.
class Work {
 public:
  // Loops are made of the function `entry`; where none is named, of those that no other one runs.
  Work(graph::Module module, const loop::Target& target, std::string_view entry = "");

  // Throws GraphError where the pass is for what is not there: for loops, or for a graph. With `verify`, what
  // does not hold afterwards is an InternalError that names the pass.
  void run(const PassCall& call, bool verify = true);

  bool has_loops() const { return has_loops_; }
  const graph::Module& module() const { return module_; }
  graph::Module take_module() { return std::move(module_); }
  const std::vector<loop::Program>& programs() const { return programs_; }

  // The graph, or the loops.
  std::string text(const graph::PrintOptions& options = {}) const;

 private:
  void make_loops(const PassCall& call);
  void verify(const PassCall& call) const;

  graph::Module module_;
  loop::Target target_;
  std::string entry_;
  bool has_loops_ = false;
  std::vector<loop::Program> programs_;
};

}  // namespace sinter::passes
