#pragma once

#include <cstdint>
#include <unordered_map>
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

  // At how many places of the value a reader asks for elements, for each of its own: x and x moved by one are
  // two. And how many elements that is: of a window under `fold` each place is one.
  struct Demand {
    int64_t places = 0;
    int64_t elements = 0;
  };

  explicit Reads(const Groups& groups);

  const Readers& of(graph::Value value) const;
  // Of all that the group makes. No more than some hundred are counted.
  Demand demand(const Group& group, const Group& reader) const;
  bool is_needed(graph::Value value) const { return readers_.contains(value); }
  // Whether `reader` is one of them.
  bool has(graph::Value value, const Group& reader) const;

  // The readers of `value`, which they compute again from now on, read what it is made of instead.
  void pass_on(graph::Value value);

 private:
  // A place is known by the views that lead there.
  struct Place {
    size_t path;
    int64_t elements;
  };
  using Places = std::vector<Place>;

  using Wanted = std::vector<std::pair<graph::Value, Place>>;

  static void push_operands(const graph::Op& op, Place place, Wanted& wanted);
  // For the reader, or for what is outside of all groups.
  void add(Group* reader, Wanted wanted);

  const Groups& groups_;
  graph::ValueMap<Readers> readers_;
  graph::ValueMap<std::unordered_map<const Group*, Places>> places_;
};

}  // namespace sinter::passes
