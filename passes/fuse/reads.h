#pragma once

#include <vector>

#include "passes/fuse/groups.h"

namespace sinter::passes {

// Which kernels read what a group makes, through views and through what they compute again; the values that
// anything reads must lie in memory after their group has run.
class Reads {
 public:
  struct Readers {
    std::vector<Group*> groups;
    bool outside = false;  // an output, a write, a scan
  };

  explicit Reads(const Groups& groups);

  const Readers& of(graph::Value value) const;
  bool is_needed(graph::Value value) const { return readers_.contains(value); }
  // Whether `reader` is one of them.
  bool has(graph::Value value, const Group& reader) const;

  // The readers of `value`, which they compute again from now on, read what it is made of instead.
  void pass_on(graph::Value value);

 private:
  void add(graph::Value value, Group* reader);

  const Groups& groups_;
  graph::ValueMap<Readers> readers_;
};

}  // namespace sinter::passes
