#pragma once

#include <sinter/variable.h>

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

// A state of which each session has its own.
struct SessionEntry {
  std::string name;
  const Variable* variable;
  Initializer initializer;
  DType dtype;
  Extents extents;
};

// Whether a variable can be trained: now, also when the variable is gone, and when a program was compiled.
struct Trainability {
  std::string path;
  std::shared_ptr<const std::atomic<bool>> now;
  bool compiled;
};

// What a function does with what can be trained: the paths of trainable variables that it reads, of variables
// that it assigns, and those variables whose trainability it depends on.
struct Training {
  std::vector<std::string> read, assigned;
  std::vector<Trainability> depends;

  // As variables are now.
  void settle();
  // Throws Error where one was frozen or unfrozen since the program was compiled.
  void check(const std::string& function) const;
};

// The states of a program, in order of first use. Any thread may read it once it is sealed.
class StateTable {
 public:
  // A state not known yet is declared in `module` as well, which has all the others. Throws Error where
  // another variable has the same path.
  void declare(const Variable& variable, const Shape& shape, graph::Module& module);
  const StateEntry* find(std::string_view name) const;  // nullptr where there is none
  const std::deque<StateEntry>& entries() const { return entries_; }
  const std::deque<SessionEntry>& session_entries() const { return session_entries_; }
  bool has(std::string_view name) const;     // of either kind
  std::vector<graph::State> states() const;  // as a graph declares them
  // Forgets all but the first `count`, and but `session_count` of sessions.
  void truncate(size_t count, size_t session_count);
  // No state comes to it any more: its user declares known ones alone.
  void seal();
  bool is_sealed() const { return sealed_; }

 private:
  std::deque<StateEntry> entries_;
  std::deque<SessionEntry> session_entries_;
  bool sealed_ = false;
};

}  // namespace sinter
