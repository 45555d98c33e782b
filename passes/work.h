#pragma once

#include <string>
#include <vector>

#include "ir/graph/text/text.h"
#include "passes/pass_list.h"

namespace sinter::passes {

// What passes work on, one after the other: a module, from `schedule` on with the loops of its kernels, and
// from `place` on the programs of its functions alone.
class Work {
 public:
  // Loops are made of the function `entry`; where none is named, of those that no other one runs.
  Work(graph::Module module, const loop::Target& target, std::string_view entry = "");
  // From what text() has given, or a graph or loops that someone has written.
  static Work parse(std::string_view text, std::string_view file, const loop::Target& target);

  // Throws GraphError where the pass is for what is not there: for programs, or for a graph. With `verify`,
  // what does not hold afterwards is an InternalError that names the pass.
  void run(const PassCall& call, bool verify = true);

  const graph::Module& module() const { return module_; }
  graph::Module take_module() { return std::move(module_); }
  const std::vector<loop::Program>& programs() const { return programs_; }

  // The graph; the graph and then its kernels, as programs without steps; or the programs.
  std::string text(const graph::PrintOptions& options = {}) const;

 private:
  enum class Stage { graph, kernels, program };

  Work() = default;

  void check_stage(const Pass& pass) const;
  void make_kernels(const Pass& pass);
  void verify(const PassCall& call) const;

  graph::Module module_;
  loop::Target target_;
  std::string entry_;
  Stage stage_ = Stage::graph;
  std::vector<loop::Program> programs_;
};

}  // namespace sinter::passes
