#pragma once

#include <sinter/variable.h>

#include <deque>
#include <string>
#include <string_view>

#include "ir/graph/graph.h"

namespace sinter {

// A state that the functions of a program use.
struct StateEntry {
  std::string name;
  const Variable* variable;  // what declared it
  Initializer initializer;
  DType dtype;
  Shape shape;
  bool trainable;
};

// The states of a program, in order of first use, each declared in the graph when it is first used.
class StateTable {
 public:
  explicit StateTable(graph::Module& module) : module_(&module) {}

  // Throws Error where another variable has the same path.
  const StateEntry& declare(const Variable& variable);
  const StateEntry* find(std::string_view name) const;  // nullptr where there is none
  const std::deque<StateEntry>& entries() const { return entries_; }
  // Forgets all but the first `count`.
  void truncate(size_t count);

 private:
  graph::Module* module_;
  std::deque<StateEntry> entries_;
};

}  // namespace sinter
