#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/loop/target.h"
#include "passes/fuse/groups.h"
#include "passes/fuse/reads.h"

namespace sinter::passes {

// What a kernel binds: tensors that it reads and writes, and what tells it of its call and of faults.
struct Bindings {
  std::unordered_set<graph::Value, graph::ValueHash> read;
  int64_t written = 0;
  bool call = false, faults = false;

  int64_t count() const {
    return static_cast<int64_t>(read.size()) + written + (call ? 1 : 0) + (faults ? 1 : 0);
  }
};

// What lies in memory below a function's sources and views.
class Leaves {
 public:
  // Adds what a value is read from to `bindings`: itself, where it is no source or view.
  void add_to(Bindings& bindings, graph::Value value);

 private:
  struct Below {
    std::vector<graph::Value> values;
    bool call = false;  // random numbers
  };
  const Below& of(const graph::Op& op);

  std::unordered_map<const graph::Op*, Below> known_;
};

// Whether groups keep to what a kernel on the target may bind, and how long its loops may be.
class Limits {
 public:
  Limits(const Groups& groups, const loop::Target& target);

  // While groups form: of a group with some ops more. All that is read outside of them counts as written.
  bool allow(const Group& group, const std::vector<graph::Op*>& more);
  // Later: where `group`, and those that read it, compute `again` anew, and `kept` lie in memory besides.
  bool allow(const Groups& groups, const Reads& reads, const Group& group,
             const std::unordered_set<const graph::Op*>& again, const std::vector<graph::Value>& kept);

 private:
  bool allow_bindings(const std::vector<graph::Op*>& ops);
  bool allow_loops(const std::vector<graph::Op*>& ops);
  bool is_read_outside(graph::Value value, const std::unordered_set<const graph::Op*>& ops) const;

  const loop::Target& target_;
  bool binds_all_ = true;  // more than any kernel could bind
  Leaves leaves_;
  std::unordered_map<const graph::Op*, size_t> position_;
  graph::ValueMap<std::vector<const graph::Op*>> readers_;  // through sources and views; null: an output
};

}  // namespace sinter::passes
