#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ir/error.h"
#include "passes/costs.h"
#include "passes/schedule/local.h"
#include "passes/schedule/template.h"

// The schedule of `reduce`: rows of one domain, each reduced along the same axes, with the elementwise work
// around.
//
// Reductions that feed one another (a softmax's maximum and then its sum) take one pass over the row each;
// those that do not share a pass. Vectors run along the row where its last axis is reduced, and across rows
// otherwise. The order of additions depends on the shape and the vector width alone.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

ScalarOp combine_op(OpCode code) {
  switch (code) {
    case OpCode::reduce_sum:
      return ScalarOp::add;
    case OpCode::reduce_max:
      return ScalarOp::max;
    case OpCode::reduce_min:
      return ScalarOp::min;
    default:
      throw InternalError(fmt::format("'{}' is no reduction", graph::name(code)));
  }
}

ScalarOp lane_op(OpCode code) {
  return code == OpCode::reduce_sum   ? ScalarOp::lane_sum
         : code == OpCode::reduce_max ? ScalarOp::lane_max
                                      : ScalarOp::lane_min;
}

Expr identity(OpCode code, loop::Type type) {
  if (code == OpCode::reduce_sum) return loop::constant(0, type);
  const bool largest = code == OpCode::reduce_min;
  switch (type) {
    case loop::Type::boolean:
      return loop::boolean(largest);
    case loop::Type::i32:
      return loop::integer(
          largest ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int32_t>::min(), type);
    case loop::Type::i64:
      return loop::integer(
          largest ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min(), type);
    default:
      return loop::number(
          largest ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity(), type);
  }
}

// Instructions that an element of the op's result takes, roughly.
int cost_of(const Op& op) {
  switch (op.code) {
    case OpCode::random_bits:
    case OpCode::random_uniform:
    case OpCode::random_normal:
      return 20;
    case OpCode::div:
    case OpCode::rem:
    case OpCode::sqrt:
    case OpCode::rsqrt:
      return 5;
    default:
      return is_transcendental(op.code) ? 20 : op.kind() == OpKind::elementwise ? 1 : 0;
  }
}

constexpr int64_t kStashBytes = 64 << 10;  // a row's values kept between passes
constexpr int kWorthKeeping = 6;           // instructions, against a store and a load

class RowSchedule {
 public:
  explicit RowSchedule(Template& t) : t_(t) {
    find_reductions();
    const Op& first = *reductions_.at(0);
    domain_ = first.operands[0].shape();
    reduced_axes_ = first.attributes.integers("axes");
    for (int64_t axis = 0; axis < static_cast<int64_t>(domain_.size()); ++axis) {
      const bool reduced = std::find(reduced_axes_.begin(), reduced_axes_.end(), axis) != reduced_axes_.end();
      (reduced ? reduced_shape_ : outer_shape_).push_back(domain_[static_cast<size_t>(axis)]);
      if (!reduced) outer_axes_.push_back(axis);
    }
    along_ = outer_axes_.empty() || (!reduced_axes_.empty() && reduced_axes_.back() > outer_axes_.back());
    find_levels();
  }

  loop::Kernel run() {
    const int64_t rows = graph::element_count(outer_shape_);
    if (rows == 0) return t_.finish(loop::block({}));
    return t_.finish(along_ ? rows_loop(rows) : columns_loop(rows));
  }

 private:
  struct Accumulator {
    Op* reduction;
    loop::BufferRef lanes;  // one partial result a lane
  };

  // A value of the row that later passes read: one element, or one a lane across rows.
  struct Known {
    Value value;
    loop::BufferRef buffer;
  };

  // Sums of columns beside reductions of rows: those of other axes than the last.
  void find_reductions() {
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

  // level of a reduction: how many reductions stand one behind the other before it
  void find_levels() {
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

  Index domain_index(const Index& outer, const Index& reduced) const {
    Index index(domain_.size());
    for (size_t i = 0; i < outer_axes_.size(); ++i) index[static_cast<size_t>(outer_axes_[i])] = outer[i];
    for (size_t i = 0; i < reduced_axes_.size(); ++i)
      index[static_cast<size_t>(reduced_axes_[i])] = reduced[i];
    return index;
  }

  // The values a pass over the row can have at hand: what the body computes element by element of the domain.
  Tile full_tile(const Index& outer, const Expr& position) const {
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

  // What reductions of the same rows in another shape read and outputs in one are, and what these are
  // computed from element by element.
  void add_reshaped(const Index& index, std::vector<std::pair<Value, Index>>& anchors) const {
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

  bool is_reduced(const Op& op) const {
    return std::any_of(reductions_.begin(), reductions_.end(),
                       [&](const Op* reduction) { return reduction->operands[0].op == &op; }) ||
           std::any_of(columns_.begin(), columns_.end(),
                       [&](const Op* sum) { return summed(*sum).op == &op; });
  }

  bool is_column_sum(const Op& op) const {
    return std::find(columns_.begin(), columns_.end(), &op) != columns_.end();
  }

  // What a column sum adds, at the elements of the domain.
  Value summed(const Op& sum) const {
    Value x = sum.operands[0];
    while (x.shape() != domain_) x = x.op->operands.at(0);
    return x;
  }

  static bool is_domain_value(const Op& op) {
    return op.kind() == OpKind::elementwise || op.kind() == OpKind::source || op.kind() == OpKind::check ||
           op.code == OpCode::broadcast || op.code == OpCode::parameter;
  }

  // The values that are one a row: from the reductions on.
  Tile row_tile(const Index& outer) const {
    std::vector<std::pair<Value, Index>> anchors;
    for (Op* reduction : reductions_) {
      const Shape& shape = reduction->results[0].shape;
      anchors.push_back({reduction->result(), reshape_index(outer, shape, outer_shape_, t_.loader.ranges())});
    }
    return Tile(t_.body, anchors, t_.loader.ranges());
  }

  void bind_known(const std::vector<Known>& known, const Expr& lane) {
    for (const Known& k : known) t_.loader.bind(k.value, loop::load(k.buffer, lane));
  }

  // What follows from the reductions known so far, computed once a row: for later passes to read.
  Stmt derive(const Index& outer, const Expr& lane, int64_t size, const Expr& predicate,
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

  static bool is_ready(Value value, const std::vector<Known>& known) {
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

  std::vector<Accumulator> accumulators(size_t level, int64_t lanes) {
    std::vector<Accumulator> list;
    for (Op* reduction : levels_[level]) {
      const loop::Type type = loop::from_graph(reduction->results[0].dtype);
      const std::string suffix = fmt::format("{}_{}", level, list.size());
      list.push_back({reduction, local_buffer("acc" + suffix, type, lanes)});
    }
    return list;
  }

  // acc = combine(acc, value) for all reductions of a pass; `slot` is the accumulators' index.
  Stmt accumulate(const std::vector<Accumulator>& pass, const Index& outer, const Expr& position,
                  const Expr& slot, const Expr& predicate) {
    const Tile tile = full_tile(outer, position);
    std::vector<Value> values;
    for (const Accumulator& a : pass) values.push_back(a.reduction->operands[0]);
    return with_values(t_.loader, tile, values, predicate, [&](const std::vector<Expr>& exprs) {
      std::vector<Stmt> body;
      for (size_t i = 0; i < pass.size(); ++i) {
        Expr value = exprs[i];
        const OpCode code = pass[i].reduction->code;
        if (predicate) value = loop::select(predicate, value, identity(code, value->type));
        body.push_back(loop::store(pass[i].lanes, slot,
                                   loop::apply(combine_op(code), {loop::load(pass[i].lanes, slot), value})));
      }
      return loop::block(std::move(body));
    });
  }

  static Stmt initialize(const std::vector<Accumulator>& pass, const Expr& slot) {
    std::vector<Stmt> body;
    for (const Accumulator& a : pass) {
      body.push_back(loop::store(a.lanes, slot, identity(a.reduction->code, a.lanes->type)));
    }
    return loop::block(std::move(body));
  }

  std::vector<TileStore> stores(bool full) const {
    std::vector<TileStore> result;
    for (const TileStore& store : t_.stores()) {
      if (!is_column_sum(*store.value.op) && is_row_value(store.value) != full) result.push_back(store);
    }
    return result;
  }

  bool is_row_value(Value value) const {
    return value.type().elements() == graph::element_count(outer_shape_) && row_values().contains(value);
  }

  const graph::ValueMap<bool>& row_values() const {
    if (row_values_.empty()) {
      const Tile tile = row_tile(Index(outer_shape_.size(), loop::integer(0)));
      for (Value value : tile.values()) row_values_[value] = true;
    }
    return row_values_;
  }

  // Vectors along the row.
  Stmt rows_loop(int64_t rows) {
    const int64_t length = graph::element_count(reduced_shape_);
    int64_t lanes = t_.lanes();
    while (lanes < 4 * t_.lanes() && lanes * 2 <= length) lanes *= 2;
    const int64_t rows_a_unit =
        columns_.empty() ? std::max<int64_t>(1, t_.target().unit_elements / std::max<int64_t>(length, 1))
                         : columns_[0]->operands[0].shape()[1];
    const int64_t units = (rows + rows_a_unit - 1) / rows_a_unit;
    const auto unit = t_.loader.variable("unit", units);
    const auto row = t_.loader.variable("row", rows);
    const Index outer = delinearize(loop::variable(row), outer_shape_, t_.loader.ranges());

    std::vector<Stmt> body;
    std::vector<loop::BufferRef> locals;
    std::vector<Known> known;
    graph::ValueMap<loop::BufferRef> stash;
    find_stashes(length, lanes, stash, locals);
    graph::ValueMap<bool> stashed;
    for (size_t level = 0; level < levels_.size(); ++level) {
      const auto pass = accumulators(level, lanes);
      for (const Accumulator& a : pass) locals.push_back(a.lanes);
      const auto lane = t_.loader.variable("lane", lanes);
      const Expr at = loop::variable(lane);
      body.push_back(
          loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes), initialize(pass, at)));
      body.push_back(row_pass(length, lanes, outer, known, stash, stashed, pass));
      std::vector<Stmt> finish;
      for (const Accumulator& a : pass) {
        const auto result = local_buffer(fmt::format("known{}", known.size()), a.lanes->type, 1);
        locals.push_back(result);
        known.push_back({a.reduction->result(), result});
        finish.push_back(loop::store(result, loop::integer(0),
                                     loop::apply(lane_op(a.reduction->code), {loop::load(a.lanes, at)})));
      }
      body.push_back(loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes),
                                loop::block(std::move(finish))));
      body.push_back(derive(outer, loop::integer(0), 1, nullptr, known, locals));
    }
    {
      Loader::Scope scope(t_.loader);
      bind_known(known, loop::integer(0));
      const Tile tile = row_tile(outer);
      if (const auto list = stores(false); !list.empty()) body.push_back(store_tile(t_.loader, tile, list));
      body.push_back(t_.checks(tile));
    }
    const std::vector<loop::BufferRef> sums = column_sums(length, lanes);
    body.push_back(output_pass(length, lanes, outer, known, stash, stashed, sums));
    Stmt loops = loop::block(std::move(body));
    for (const auto& buffer : locals) loops = loop::allocate(buffer, loops);
    loops =
        loop::loop(LoopKind::serial, row, loop::variable(unit) * rows_a_unit,
                   t_.loader.simplify(loop::min(loop::integer(rows_a_unit),
                                                loop::integer(rows) - loop::variable(unit) * rows_a_unit)),
                   loops);
    if (!sums.empty()) loops = with_column_sums(sums, length, lanes, loop::variable(unit), loops);
    return loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), loops);
  }

  // A unit's sums of its rows' columns, in memory of its own.
  std::vector<loop::BufferRef> column_sums(int64_t length, int64_t lanes) const {
    std::vector<loop::BufferRef> sums;
    for (const Op* sum : columns_) {
      sums.push_back(local_buffer(fmt::format("sum{}", sums.size()), loop::from_graph(sum->results[0].dtype),
                                  (length + lanes - 1) / lanes * lanes));
    }
    return sums;
  }

  Stmt with_column_sums(const std::vector<loop::BufferRef>& sums, int64_t length, int64_t lanes,
                        const Expr& unit, Stmt loops) {
    const Stmt begin = vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      std::vector<Stmt> zeros;
      for (const auto& sum : sums) zeros.push_back(loop::store(sum, at.index, loop::constant(0, sum->type)));
      return loop::block(std::move(zeros));
    });
    const Stmt end = vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      std::vector<Stmt> stores;
      for (const TileStore& store : t_.stores()) {
        const auto it = std::find(columns_.begin(), columns_.end(), store.value.op);
        if (it == columns_.end()) continue;
        const auto& sum = sums[static_cast<size_t>(it - columns_.begin())];
        stores.push_back(
            loop::store(store.buffer, unit * length + at.index, loop::load(sum, at.index), at.predicate));
      }
      return loop::block(std::move(stores));
    });
    Stmt result = loop::block({begin, std::move(loops), end});
    for (const auto& sum : sums) result = loop::allocate(sum, result);
    return result;
  }

  // Values that more than one pass needs and that take longer to compute again than to keep.
  void find_stashes(int64_t length, int64_t lanes, graph::ValueMap<loop::BufferRef>& stash,
                    std::vector<loop::BufferRef>& locals) {
    const int64_t padded = (length + lanes - 1) / lanes * lanes;
    graph::ValueMap<std::vector<size_t>> passes;
    const auto visit = [&](Value root, size_t pass) {
      std::vector<Value> pending = {root};
      graph::ValueMap<bool> seen;
      while (!pending.empty()) {
        const Value value = pending.back();
        pending.pop_back();
        if (value.op->kind() == OpKind::reduction || seen[value]) continue;
        seen[value] = true;
        auto& list = passes[value];
        if (list.empty() || list.back() != pass) list.push_back(pass);
        for (Value operand : value.op->operands) pending.push_back(operand);
      }
    };
    for (size_t level = 0; level < levels_.size(); ++level) {
      for (Op* reduction : levels_[level]) visit(reduction->operands[0], level);
    }
    for (const TileStore& store : stores(true)) visit(store.value, levels_.size());
    for (const Op* sum : columns_) visit(summed(*sum), levels_.size());
    int64_t left = std::min(kStashBytes, t_.target().local_bytes);
    graph::ValueMap<int> cost;  // of computing it from what is at hand
    for (const auto& op : t_.body.ops()) {
      if (op->results.size() != 1) continue;
      const Value value = op->result();
      if (op->kind() == OpKind::reduction || op->code == OpCode::parameter) continue;
      int here = cost_of(*op);
      for (Value operand : op->operands) here += cost[operand];
      cost[value] = here;
      const int64_t bytes = padded * size_in_bytes(loop::from_graph(value.dtype()));
      if (here < kWorthKeeping || value.type().elements() != graph::element_count(domain_) || bytes > left)
        continue;
      const auto it = passes.find(value);
      if (it == passes.end() || it->second.size() < 2) continue;
      const auto buffer =
          local_buffer(fmt::format("stash{}", stash.size()), loop::from_graph(value.dtype()), padded);
      stash[value] = buffer;
      locals.push_back(buffer);
      cost[value] = 0;
      left -= bytes;
    }
  }

  Stmt row_pass(int64_t length, int64_t lanes, const Index& outer, const std::vector<Known>& known,
                const graph::ValueMap<loop::BufferRef>& stash, graph::ValueMap<bool>& stashed,
                const std::vector<Accumulator>& pass) {
    graph::ValueMap<bool> now;
    Stmt result = vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      bind_known(known, loop::integer(0));
      return with_stash(outer, at.index, at.predicate, stash, stashed, now, roots(pass),
                        [&] { return accumulate(pass, outer, at.index, at.lane, at.predicate); });
    });
    for (const auto& [value, flag] : now) stashed[value] = flag;
    return result;
  }

  static std::vector<Value> roots(const std::vector<Accumulator>& pass) {
    std::vector<Value> values;
    for (const Accumulator& a : pass) values.push_back(a.reduction->operands[0]);
    return values;
  }

  // Binds what earlier passes have stashed; stores what this one computes for later ones.
  Stmt with_stash(const Index& outer, const Expr& c, const Expr& predicate,
                  const graph::ValueMap<loop::BufferRef>& stash, const graph::ValueMap<bool>& stashed,
                  graph::ValueMap<bool>& now, const std::vector<Value>& wanted,
                  const std::function<Stmt()>& body) {
    std::vector<std::pair<loop::VariableRef, Expr>> lets;
    std::vector<Stmt> keep;
    if (!stash.empty()) {
      const Tile tile = full_tile(outer, c);
      for (Value value : tile.values()) {
        const auto it = stash.find(value);
        if (it == stash.end()) continue;
        if (stashed.contains(value)) {
          t_.loader.bind(value, loop::load(it->second, c));
        } else if (needs(wanted, value)) {
          const Expr expr = t_.loader.at(value, *tile.find(value), predicate);
          const auto variable = loop::make_variable(fmt::format("kept{}", lets.size()), expr->type);
          lets.push_back({variable, expr});
          t_.loader.bind(value, loop::variable(variable));
          keep.push_back(loop::store(it->second, c, loop::variable(variable)));
          now[value] = true;
        }
      }
    }
    keep.push_back(body());
    Stmt result = loop::block(std::move(keep));
    for (size_t i = lets.size(); i-- > 0;) result = loop::let(lets[i].first, lets[i].second, result);
    return result;
  }

  static bool needs(const std::vector<Value>& roots, Value target) {
    std::vector<Value> pending = roots;
    graph::ValueMap<bool> seen;
    while (!pending.empty()) {
      const Value value = pending.back();
      pending.pop_back();
      if (value == target) return true;
      if (seen[value] || value.op->kind() == OpKind::reduction) continue;
      seen[value] = true;
      for (Value operand : value.op->operands) pending.push_back(operand);
    }
    return false;
  }

  // What is stored for each element of the row, and added to the sums of its columns.
  Stmt output_pass(int64_t length, int64_t lanes, const Index& outer, const std::vector<Known>& known,
                   const graph::ValueMap<loop::BufferRef>& stash, const graph::ValueMap<bool>& stashed,
                   const std::vector<loop::BufferRef>& sums) {
    const auto list = stores(true);
    bool has_checks = false;
    for (const auto& op : t_.body.ops())
      has_checks |= op->kind() == OpKind::check && !is_row_value(op->result());
    if (list.empty() && sums.empty() && !has_checks) return loop::block({});
    return vector_loop(t_.loader, "c", length, lanes, [&](const VectorPoint& at) {
      bind_known(known, loop::integer(0));
      for (const auto& [value, buffer] : stash) {
        if (stashed.contains(value)) t_.loader.bind(value, loop::load(buffer, at.index));
      }
      std::vector<TileStore> all = list;
      for (size_t i = 0; i < sums.size(); ++i) all.push_back({summed(*columns_[i]), sums[i], at.index});
      const Tile tile = full_tile(outer, at.index);
      return loop::block({t_.checks(tile, at.predicate), store_tile(t_.loader, tile, all, at.predicate)});
    });
  }

  // Vectors across rows: each lane has a row of its own.
  Stmt columns_loop(int64_t rows) {
    const int64_t length = graph::element_count(reduced_shape_);
    const int64_t inner = outer_shape_.back();
    const Shape outermost(outer_shape_.begin(), outer_shape_.end() - 1);
    int64_t lanes = t_.lanes();
    if (inner == 1) {
      lanes = 1;
    } else if (inner < lanes) {
      lanes = 4;
      while (lanes < inner) lanes *= 2;
    } else if (inner >= t_.width()) {
      lanes = t_.width();
    }
    const int64_t blocks = (inner + lanes - 1) / lanes;
    const int64_t units = rows / inner * blocks;
    const auto unit = t_.loader.variable("unit", units);
    const auto lane = t_.loader.variable("lane", lanes);
    const Expr at = lanes == 1 ? loop::integer(0) : loop::variable(lane);
    const Expr u = loop::variable(unit);
    Index outer = delinearize(loop::simplify(u / blocks, t_.loader.ranges()), outermost, t_.loader.ranges());
    const Expr column = loop::simplify(u % blocks, t_.loader.ranges()) * lanes + at;
    outer.push_back(column);
    const Expr predicate = inner % lanes == 0 ? nullptr : column < loop::integer(inner);
    const auto vector = [&](Stmt body) {
      if (lanes == 1) return body;
      return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(lanes), std::move(body));
    };

    std::vector<Stmt> body;
    std::vector<loop::BufferRef> locals;
    std::vector<Known> known;
    const auto serial = [&](const std::function<Stmt(const Expr&)>& make) {
      Loader::Scope scope(t_.loader);
      const auto c = t_.loader.variable("c", length);
      bind_known(known, at);
      return loop::loop(LoopKind::serial, c, loop::integer(0), loop::integer(length),
                        vector(make(loop::variable(c))));
    };
    for (size_t level = 0; level < levels_.size(); ++level) {
      const auto pass = accumulators(level, lanes);
      for (const Accumulator& a : pass) locals.push_back(a.lanes);
      body.push_back(vector(initialize(pass, at)));
      body.push_back(serial([&](const Expr& c) { return accumulate(pass, outer, c, at, predicate); }));
      for (const Accumulator& a : pass) known.push_back({a.reduction->result(), a.lanes});
      body.push_back(vector(derive(outer, at, lanes, predicate, known, locals)));
    }
    {
      Loader::Scope scope(t_.loader);
      bind_known(known, at);
      const Tile tile = row_tile(outer);
      std::vector<Stmt> row = {t_.checks(tile, predicate)};
      if (const auto list = stores(false); !list.empty()) {
        row.push_back(store_tile(t_.loader, tile, list, predicate));
      }
      body.push_back(vector(loop::block(std::move(row))));
    }
    if (const auto list = stores(true); !list.empty()) {
      body.push_back(serial([&](const Expr& c) {
        const Tile tile = full_tile(outer, c);
        return loop::block({t_.checks(tile, predicate), store_tile(t_.loader, tile, list, predicate)});
      }));
    }
    Stmt loops = loop::block(std::move(body));
    for (const auto& buffer : locals) loops = loop::allocate(buffer, loops);
    return loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), loops);
  }

  Template& t_;
  std::vector<Op*> reductions_;
  std::vector<Op*> columns_;  // sums of columns beside them
  Shape domain_, outer_shape_, reduced_shape_;
  std::vector<int64_t> reduced_axes_, outer_axes_;
  bool along_ = true;  // vectors run along the row
  std::vector<std::vector<Op*>> levels_;
  mutable graph::ValueMap<bool> row_values_;
};

}  // namespace

loop::Kernel schedule_reduce(Template& t) {
  return RowSchedule(t).run();
}

}  // namespace sinter::passes
