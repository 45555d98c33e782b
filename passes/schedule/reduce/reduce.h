#pragma once

#include <vector>

#include "passes/schedule/core/template.h"

namespace sinter::passes {

// What the schedules of `reduce` share: rows of one domain, each reduced along the same axes, with the
// elementwise work around.
//
// Reductions that feed one another (a softmax's maximum and then its sum) take one pass over the row each, a
// level; those that do not share a pass. The order of additions depends on the shape and the vector width
// alone.
class ReduceSchedule {
 public:
  explicit ReduceSchedule(Template& t);

  int64_t rows() const { return graph::element_count(outer_shape_); }
  int64_t elements() const { return graph::element_count(domain_); }
  int64_t length() const { return graph::element_count(reduced_shape_); }  // of a row
  int64_t columns() const { return outer_shape_.back(); }                  // neighbours across rows
  // Rows whose columns are summed together; 0 where no columns are.
  int64_t rows_of_sums() const { return columns_.empty() ? 0 : columns_[0]->operands[0].shape()[1]; }
  // Whether vectors run along the row, as they do where its last axis is reduced; across rows otherwise.
  bool goes_along() const { return along_; }

 protected:
  using Op = graph::Op;
  using Value = graph::Value;
  using Expr = loop::Expr;
  using Stmt = loop::Stmt;

  struct Accumulator {
    Op* reduction;
    loop::BufferRef lanes;  // one partial result a lane

    bool is_sum() const { return reduction->code == graph::OpCode::reduce_sum; }
  };

  // A value of the row that later passes read: one element, or one a lane across rows.
  struct Known {
    Value value;
    loop::BufferRef buffer;
  };

  // Sums of columns beside reductions of rows: those of other axes than the last.
  void find_reductions();
  const graph::Op& rows_of_domain() const;
  // level of a reduction: how many reductions stand one behind the other before it
  void find_levels();
  Index domain_index(const Index& outer, const Index& reduced) const;
  // The values a pass over the row can have at hand: what the body computes element by element of the domain.
  Tile full_tile(const Index& outer, const Expr& position) const;
  // What reductions of the same rows in another shape read and outputs in one are, and what these are
  // computed from element by element.
  void add_reshaped(const Index& index, std::vector<std::pair<Value, Index>>& anchors) const;
  bool is_reduced(const Op& op) const;
  bool is_column_sum(const Op& op) const;
  // What a column sum adds, at the elements of the domain.
  Value summed(const Op& sum) const;
  static bool is_domain_value(const Op& op);
  // The values that are one a row: from the reductions on.
  Tile row_tile(const Index& outer) const;
  void bind_known(const std::vector<Known>& known, const Expr& lane);
  // What follows from the reductions known so far, computed once a row: for later passes to read.
  Stmt derive(const Index& outer, const Expr& lane, int64_t size, const Expr& predicate,
              std::vector<Known>& known, std::vector<loop::BufferRef>& locals);
  static bool is_ready(Value value, const std::vector<Known>& known);
  std::vector<Accumulator> accumulators(size_t level, int64_t lanes, std::string_view name = "acc");
  // acc = combine(acc, value) for all reductions of a pass; `slot` is the accumulators' index.
  Stmt accumulate(const std::vector<Accumulator>& pass, const Index& outer, const Expr& position,
                  const Expr& slot, const Expr& predicate);
  static Stmt initialize(const std::vector<Accumulator>& pass, const Expr& slot);
  // to = combine(to, from) for all reductions of a pass.
  static Stmt add(const std::vector<Accumulator>& from, const std::vector<Accumulator>& to, const Expr& slot);
  std::vector<TileStore> stores(bool full) const;
  bool is_row_value(Value value) const;
  const graph::ValueMap<bool>& row_values() const;

  Template& t_;
  std::vector<Op*> reductions_;
  std::vector<Op*> columns_;  // sums of columns beside them
  graph::Shape domain_, outer_shape_, reduced_shape_;
  std::vector<int64_t> reduced_axes_, outer_axes_;
  bool along_ = true;  // vectors run along the row
  std::vector<std::vector<Op*>> levels_;
  mutable graph::ValueMap<bool> row_values_;
};

// How rows are cut along which vectors run.
struct RowBlocks {
  int64_t lanes = 1;           // elements that are taken at once
  int64_t unit = 1;            // rows of a unit of parallel work
  std::vector<int64_t> kept;   // places in the body of the ops whose values are kept between passes
  std::vector<int64_t> ahead;  // the passes that ask for what the next row reads and writes
};
RowBlocks choose_rows(const ReduceSchedule& schedule, const loop::Target& target);
loop::Stmt reduce_rows(const ReduceSchedule& schedule, const RowBlocks& blocks);

// How a workgroup goes over a row.
struct WorkgroupRows {
  int64_t lanes = 1;
  int64_t vector = 1;         // neighbours that a lane takes at once
  int64_t subgroup = 1;       // lanes that are added up by subgroup arithmetic
  bool unrolls = false;       // a lane's vectors of a row, so that registers may hold what they have
  std::vector<int64_t> kept;  // as of RowBlocks, in registers; and what is loaded is kept so, too
};
// Best first.
std::vector<WorkgroupRows> choose_workgroup_rows(const ReduceSchedule& schedule, const loop::Target& target);
// Whether these values may be kept, and fit.
bool may_keep(const ReduceSchedule& schedule, const WorkgroupRows& rows, const loop::Target& target);

// Whether a row has a workgroup, on a machine that has them.
bool is_for_workgroup(int64_t rows, int64_t length, const loop::Target& target);
// How many iterations one pass over a row takes; checks keep rows from workgroups.
int64_t iterations_of_pass(int64_t rows, int64_t length, bool goes_along, bool has_checks,
                           const loop::Target& target);

}  // namespace sinter::passes
