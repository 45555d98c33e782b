#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph/anchor.h"
#include "passes/base/reachability.h"

namespace sinter::passes {

// Where a value stands in its group's iteration.
struct Place {
  bool row = false;     // of a reduce group: one for each row rather than one for each element of the domain
  std::string moved;    // the transposes between the domain and the value; "" at the domain's own order
  bool column = false;  // of a reduce group: sums of the columns of blocks of rows

  bool operator==(const Place&) const = default;
};

// Ops that become one kernel.
struct Group {
  graph::Anchor anchor = graph::Anchor::map;
  graph::Shape domain;             // map, reduce: what is iterated over
  std::vector<int64_t> axes;       // reduce: the axes of the domain that are folded
  std::vector<graph::Op*> ops;     // in order of execution
  graph::ValueMap<Place> places;   // of the values it makes
  std::vector<std::string> apart;  // why its first op joined no other group
  bool removed = false;            // all of it is computed again where it is read
  size_t number = 0;               // in what is known of who needs whom
  int64_t weight = 0;              // of its ops and of those that it computes again

  int64_t rows() const;          // reduce: how many
  bool goes_along_rows() const;  // reduce: the last axes are folded, so that a row lies in one piece
};

// Whether a kernel of the op always writes all of its results.
inline bool writes_all_results(graph::OpCode code) {
  return code == graph::OpCode::top_k || code == graph::OpCode::sort;
}

// Whether `axes` are the last of so many.
bool are_last(const std::vector<int64_t>& axes, int64_t rank);

// Whether a reduction of `shape` along `axes` has the rows of `group`, a reduction, element by element.
bool has_rows_of(const Group& group, const graph::Shape& shape, const std::vector<int64_t>& axes);

// The groups of a function while they form.
class Groups {
 public:
  explicit Groups(graph::Function& function);

  graph::Function& function() const { return function_; }
  Group* of(const graph::Op& op) const;
  Group& start(graph::Op& op);
  void join(Group& group, graph::Op& op, const Place& place);
  // Two groups over the same elements become one, `group`; `other` is gone.
  void unite(Group& group, Group& other);

  // Whether `later` needs something that `earlier` makes, directly or through other groups.
  bool depends(const Group& later, const Group& earlier) const;
  // Whether one of the two needs something that is computed from the other by what is in neither.
  bool stand_between(const Group& a, const Group& b) const;
  // From now on what the op makes is computed again by every kernel that reads it.
  void recompute(const graph::Op& op) { recomputed_.insert(&op); }
  void remove(Group& group);
  bool is_recomputed(const graph::Op& op) const { return recomputed_.contains(&op); }

  const std::vector<std::unique_ptr<Group>>& all() const { return groups_; }

 private:
  // Whether one of the ops is in `target`, or needs it.
  bool needs(const std::vector<const graph::Op*>& ops, const Group& target) const;
  // The groups that an op outside of all groups reads, through others outside.
  const std::vector<size_t>& read_by(const graph::Op& op) const;
  // The same, where those that it reads outside of all groups are known.
  std::vector<size_t> read_directly(const graph::Op& op) const;

  graph::Function& function_;
  std::unordered_map<const graph::Op*, size_t> position_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::unordered_map<const graph::Op*, Group*> owner_;
  std::unordered_set<const graph::Op*> recomputed_;
  Reachability needs_;  // by the number of a group
  mutable std::unordered_map<const graph::Op*, std::vector<size_t>> read_by_;
};

// The value under views: what lies in memory, or is computed.
graph::Value strip_views(graph::Value value);

// Where `value`, a view of a value of `group` or that value itself, stands in the group; nothing where its
// elements are not each at one place of the iteration.
std::optional<Place> place_in(const Group& group, graph::Value value);

// An elementwise op or a check: one place of the iteration in, the same place out.
bool is_pointwise(const graph::Op& op);

// Reads each element many times over: what stands before it is computed once, by a kernel of its own.
bool is_attention(const Group& group);

// Parts of a concatenation up to which it is a view: what reads it selects, element by element.
inline constexpr size_t kMostSelects = 8;

// Whether an op has no group of its own and is copied into every group that reads it: sources and views.
bool is_virtual(const graph::Op& op);

}  // namespace sinter::passes
