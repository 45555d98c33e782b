#include "passes/schedule/reduce/reduce.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "ir/loop/reducers.h"
#include "passes/schedule/core/local.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

// `x`, or what it is a reshape of that has `shape`.
Value below_reshapes(Value x, const Shape& shape) {
  while (x.shape() != shape && x.op->code == OpCode::reshape) x = x.op->operands[0];
  return x;
}

}  // namespace

ReduceSchedule::ReduceSchedule(Template& t) : t_(t) {
  find_reductions();
  const Op& rows = rows_of_domain();
  domain_ = rows.operands[0].shape();
  reduced_axes_ = rows.attributes.integers("axes");
  for (int64_t axis = 0; axis < static_cast<int64_t>(domain_.size()); ++axis) {
    const bool reduced = std::find(reduced_axes_.begin(), reduced_axes_.end(), axis) != reduced_axes_.end();
    (reduced ? reduced_shape_ : outer_shape_).push_back(domain_[static_cast<size_t>(axis)]);
    if (!reduced) outer_axes_.push_back(axis);
  }
  along_ = outer_axes_.empty() || (!reduced_axes_.empty() && reduced_axes_.back() > outer_axes_.back());
  find_levels();
}

void ReduceSchedule::find_reductions() {
  for (const auto& op : t_.body.ops()) {
    if (op->kind() == OpKind::reduction) reductions_.push_back(op.get());
  }
  const auto reduces_last = [](const Op* op) {
    return op->attributes.integers("axes").back() == op->operands[0].rank() - 1;
  };
  if (std::none_of(reductions_.begin(), reductions_.end(), reduces_last)) return;
  for (Op* op : reductions_) {
    if (!reduces_last(op)) columns_.push_back(op);
  }
  std::erase_if(reductions_, [&](const Op* op) { return !reduces_last(op); });
}

// The reduction whose operand has the shape that the kernel iterates over: of several, which are reshapes of
// one another, the one whose elements the sums of columns add.
const Op& ReduceSchedule::rows_of_domain() const {
  const auto has_columns = [&](const Op* reduction) {
    const Shape& domain = reduction->operands[0].shape();
    return std::ranges::all_of(
        columns_, [&](const Op* sum) { return below_reshapes(sum->operands[0], domain).shape() == domain; });
  };
  const auto found = std::ranges::find_if(reductions_, has_columns);
  if (found == reductions_.end()) throw InternalError("sums of columns of other elements than the rows'");
  return **found;
}

void ReduceSchedule::find_levels() {
  graph::ValueMap<int> depth;
  for (const auto& op : t_.body.ops()) {
    int level = 0;
    for (Value operand : op->operands) level = std::max(level, depth[operand]);
    if (op->kind() == OpKind::reduction && !is_column_sum(*op)) {
      if (static_cast<size_t>(level) >= levels_.size()) levels_.resize(static_cast<size_t>(level) + 1);
      levels_[static_cast<size_t>(level)].push_back(op.get());
      ++level;
    }
    for (size_t i = 0; i < op->results.size(); ++i) depth[op->result(static_cast<int>(i))] = level;
  }
}

Index ReduceSchedule::domain_index(const Index& outer, const Index& reduced) const {
  Index index(domain_.size());
  for (size_t i = 0; i < outer_axes_.size(); ++i) index[static_cast<size_t>(outer_axes_[i])] = outer[i];
  for (size_t i = 0; i < reduced_axes_.size(); ++i) index[static_cast<size_t>(reduced_axes_[i])] = reduced[i];
  return index;
}

Tile ReduceSchedule::full_tile(const Index& outer, const Expr& position) const {
  const Index index = domain_index(outer, delinearize(position, reduced_shape_, t_.loader.ranges()));
  std::vector<std::pair<Value, Index>> anchors;
  for (const auto& op : t_.body.ops()) {
    if (op->results.size() != 1 || op->results[0].shape != domain_) continue;
    if (is_domain_value(*op) || is_reduced(*op)) anchors.push_back({op->result(), index});
  }
  add_reshaped(index, anchors);
  Tile tile(t_.body, anchors, t_.loader.ranges());
  tile.share_moved(t_.body);
  return tile;
}

void ReduceSchedule::add_reshaped(const Index& index, std::vector<std::pair<Value, Index>>& anchors) const {
  graph::ValueMap<Index> reshaped;
  const auto add = [&](Value x) {
    if (x.shape() != domain_) reshaped[x] = reshape_index(index, x.shape(), domain_, t_.loader.ranges());
  };
  for (const Op* reduction : reductions_) add(reduction->operands[0]);
  for (const TileStore& store : stores(true)) {
    if (store.value.type().elements() == graph::element_count(domain_)) add(store.value);
  }
  if (reshaped.empty()) return;
  for (size_t i = t_.body.ops().size(); i-- > 0;) {
    Op& op = *t_.body.ops()[i];
    if (op.results.size() != 1) continue;
    const auto it = reshaped.find(op.result());
    if (it == reshaped.end()) continue;
    const Index here = it->second;
    anchors.push_back({op.result(), here});
    if (op.kind() != OpKind::elementwise) continue;
    for (Value operand : op.operands) reshaped.try_emplace(operand, here);
  }
}

bool ReduceSchedule::is_reduced(const Op& op) const {
  return std::any_of(reductions_.begin(), reductions_.end(),
                     [&](const Op* reduction) { return reduction->operands[0].op == &op; }) ||
         std::any_of(columns_.begin(), columns_.end(), [&](const Op* sum) { return summed(*sum).op == &op; });
}

bool ReduceSchedule::is_column_sum(const Op& op) const {
  return std::find(columns_.begin(), columns_.end(), &op) != columns_.end();
}

Value ReduceSchedule::summed(const Op& sum) const {
  return below_reshapes(sum.operands[0], domain_);
}

bool ReduceSchedule::is_domain_value(const Op& op) {
  return op.kind() == OpKind::elementwise || op.kind() == OpKind::source || op.kind() == OpKind::check ||
         op.code == OpCode::broadcast || op.code == OpCode::parameter;
}

Tile ReduceSchedule::row_tile(const Index& outer) const {
  std::vector<std::pair<Value, Index>> anchors;
  for (Op* reduction : reductions_) {
    const Shape& shape = reduction->results[0].shape;
    anchors.push_back({reduction->result(), reshape_index(outer, shape, outer_shape_, t_.loader.ranges())});
  }
  return Tile(t_.body, anchors, t_.loader.ranges());
}

void ReduceSchedule::bind_known(const std::vector<Known>& known, const Expr& lane) {
  for (const Known& k : known) t_.loader.bind(k.value, loop::load(k.buffer, lane));
}

Stmt ReduceSchedule::derive(const Index& outer, const Expr& lane, int64_t size, const Expr& predicate,
                            std::vector<Known>& known, std::vector<loop::BufferRef>& locals) {
  Loader::Scope scope(t_.loader);
  bind_known(known, lane);
  const Tile tile = row_tile(outer);
  std::vector<Stmt> body;
  for (Value value : tile.values()) {
    if (value.op->kind() != OpKind::elementwise || t_.loader.is_bound(value) || !is_ready(value, known))
      continue;
    const auto buffer =
        local_buffer(fmt::format("known{}", known.size()), loop::from_graph(value.dtype()), size);
    locals.push_back(buffer);
    body.push_back(loop::store(buffer, lane, t_.loader.at(value, *tile.find(value), predicate)));
    known.push_back({value, buffer});
    t_.loader.bind(value, loop::load(buffer, lane));
  }
  return loop::block(std::move(body));
}

bool ReduceSchedule::is_ready(Value value, const std::vector<Known>& known) {
  std::vector<Value> pending = {value};
  graph::ValueMap<bool> seen;
  while (!pending.empty()) {
    const Value next = pending.back();
    pending.pop_back();
    const bool is_known =
        std::any_of(known.begin(), known.end(), [&](const Known& k) { return k.value == next; });
    if (is_known || seen[next]) continue;
    if (next.op->kind() == OpKind::reduction) return false;
    seen[next] = true;
    for (Value operand : next.op->operands) pending.push_back(operand);
  }
  return true;
}

std::vector<ReduceSchedule::Accumulator> ReduceSchedule::accumulators(size_t level, int64_t lanes,
                                                                      std::string_view name) {
  std::vector<Accumulator> list;
  for (Op* reduction : levels_[level]) {
    const loop::Type type = loop::from_graph(reduction->results[0].dtype);
    list.push_back({reduction, local_buffer(fmt::format("{}{}_{}", name, level, list.size()), type, lanes)});
  }
  return list;
}

Stmt ReduceSchedule::accumulate(const std::vector<Accumulator>& pass, const Index& outer,
                                const Expr& position, const Expr& slot, const Expr& predicate) {
  const Tile tile = full_tile(outer, position);
  std::vector<Value> values;
  for (const Accumulator& a : pass) values.push_back(a.reduction->operands[0]);
  return with_values(t_.loader, tile, values, predicate, [&](const std::vector<Expr>& exprs) {
    std::vector<Stmt> body;
    for (size_t i = 0; i < pass.size(); ++i) {
      Expr value = exprs[i];
      const OpCode code = pass[i].reduction->code;
      if (predicate)
        value = loop::select(predicate, value, loop::identity(loop::reducer_of(code).combine, value->type));
      body.push_back(
          loop::store(pass[i].lanes, slot,
                      loop::apply(loop::reducer_of(code).combine, {loop::load(pass[i].lanes, slot), value})));
    }
    return loop::block(std::move(body));
  });
}

Stmt ReduceSchedule::initialize(const std::vector<Accumulator>& pass, const Expr& slot) {
  std::vector<Stmt> body;
  for (const Accumulator& a : pass) {
    body.push_back(loop::store(a.lanes, slot,
                               loop::identity(loop::reducer_of(a.reduction->code).combine, a.lanes->type)));
  }
  return loop::block(std::move(body));
}

Stmt ReduceSchedule::add(const std::vector<Accumulator>& from, const std::vector<Accumulator>& to,
                         const Expr& slot) {
  std::vector<Stmt> body;
  for (size_t i = 0; i < from.size(); ++i) {
    const Expr sum = loop::apply(loop::reducer_of(to[i].reduction->code).combine,
                                 {loop::load(to[i].lanes, slot), loop::load(from[i].lanes, slot)});
    body.push_back(loop::store(to[i].lanes, slot, sum));
  }
  return loop::block(std::move(body));
}

std::vector<TileStore> ReduceSchedule::stores(bool full) const {
  std::vector<TileStore> result;
  for (const TileStore& store : t_.stores()) {
    if (!is_column_sum(*store.value.op) && is_row_value(store.value) != full) result.push_back(store);
  }
  return result;
}

bool ReduceSchedule::is_row_value(Value value) const {
  return value.type().elements() == graph::element_count(outer_shape_) && row_values().contains(value);
}

const graph::ValueMap<bool>& ReduceSchedule::row_values() const {
  if (row_values_.empty()) {
    const Tile tile = row_tile(Index(outer_shape_.size(), loop::integer(0)));
    for (Value value : tile.values()) row_values_[value] = true;
  }
  return row_values_;
}

}  // namespace sinter::passes
