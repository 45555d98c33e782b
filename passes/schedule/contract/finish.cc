#include <algorithm>
#include <utility>

#include "ir/loop/affine.h"
#include "passes/base/costs.h"
#include "passes/schedule/contract/loops.h"
#include "passes/schedule/core/local.h"

// What follows the sums of a register tile: elementwise work, and the kernel's results.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

bool has_load(const Expr& x) {
  return x->kind == loop::ExprNode::Kind::load || std::ranges::any_of(x->args, has_load);
}

bool is_splat(Value value) {
  if (value.op->code == OpCode::broadcast) value = value.op->operands[0];
  return value.op->code == OpCode::constant || value.type().elements() == 1;
}

}  // namespace

Stmt ContractLoops::for_elements(const TileAt& tile, const PanelAt& panel, LoopKind rows,
                                 const TileElement& body) {
  const auto i = t_.loader.variable("i", tile.rows);
  const Expr row = loop::variable(i);
  const Stmt columns = vector("j_lane", panel.lanes, [&](const Expr& column) {
    return body(row, column, row * panel.lanes + column);
  });
  return loop::loop(rows, i, loop::integer(0), loop::integer(tile.rows), columns);
}

Expr ContractLoops::counts(const PanelAt& panel, const Expr& column) {
  return panel.columns == panel.lanes ? nullptr : column < loop::integer(panel.columns);
}

Tile ContractLoops::results_at(const Unit& unit, const TileAt& tile, const PanelAt& panel, const Expr& row,
                               const Expr& column) const {
  return Tile(t_.body, {{c_.result(), c_.result_index(unit.b, tile.row + row, panel.column + column)}},
              t_.loader.ranges());
}

Stmt ContractLoops::finish_tile(const Unit& unit, const TileAt& tile, const PanelAt& panel,
                                const loop::BufferRef& acc) {
  if (blocks_.finish_vectors > 0 && tile.rows * panel.lanes % lanes_ == 0 && !has_checks(t_.body)) {
    const Tile values = results_at(unit, tile, panel, loop::integer(0), loop::integer(0));
    if (const auto starts = starts_of(values)) return finish_in_memory(unit, tile, panel, acc, *starts);
  }
  const auto results_from = [&](const loop::BufferRef& sums, LoopKind rows) {
    return for_elements(tile, panel, rows, [&](const Expr& row, const Expr& column, const Expr& slot) {
      Loader::Scope scope(t_.loader);
      t_.loader.bind(c_.result(), loop::load(sums, slot));
      const Tile values = results_at(unit, tile, panel, row, column);
      return loop::block({t_.checks(values, counts(panel, column)),
                          store_tile(t_.loader, values, t_.stores(), counts(panel, column))});
    });
  };
  if (!blocks_.is_short) return results_from(acc, LoopKind::unrolled);
  const loop::BufferRef finished = local_buffer("finished", c_.type(), acc->size);
  const Stmt keep =
      for_elements(tile, panel, LoopKind::unrolled, [&](const Expr&, const Expr&, const Expr& slot) {
        return loop::store(finished, slot, loop::load(acc, slot));
      });
  return loop::allocate(finished, loop::block({keep, results_from(finished, LoopKind::serial)}));
}

// What elementwise work starts from, and where: the sum, and what differs from element to element and is no
// elementwise op, nor a view of what comes from the sum. Nothing where a value is needed at two places.
std::optional<std::vector<std::pair<Value, Index>>> ContractLoops::starts_of(const Tile& values) const {
  std::vector<std::pair<Value, Index>> starts, pending;
  graph::ValueMap<Index> seen;
  for (const TileStore& store : t_.stores()) pending.emplace_back(store.value, *values.find(store.value));
  while (!pending.empty()) {
    const auto [value, index] = pending.back();
    pending.pop_back();
    if (is_splat(value)) continue;
    const auto [place, is_new] = seen.try_emplace(value, index);
    if (!std::ranges::equal(place->second, index, loop::same)) return std::nullopt;
    if (!is_new) continue;
    if (value.op->kind() == OpKind::elementwise) {
      for (Value operand : value.op->operands) pending.emplace_back(operand, index);
    } else if (value.op->kind() == OpKind::view && values.find(value.op->operands[0]) != nullptr) {
      pending.emplace_back(value.op->operands[0], *values.find(value.op->operands[0]));
    } else {
      starts.emplace_back(value, index);
    }
  }
  return starts;
}

Stmt ContractLoops::fetch_starts(const Unit& unit, const TileAt& tile, const PanelAt& panel) {
  if (blocks_.fetch_above == 0) return loop::block({});
  return for_elements(tile, panel, LoopKind::unrolled, [&](const Expr& row, const Expr& column, const Expr&) {
    Loader::Scope scope(t_.loader);
    const auto starts = starts_of(results_at(unit, tile, panel, row, column));
    std::vector<Stmt> list;
    for (const auto& [value, index] : starts ? *starts : std::vector<std::pair<Value, Index>>{}) {
      if (value == c_.result()) continue;
      const Expr element = t_.loader.at(value, index);
      // Of columns that do not count, an index that is itself loaded could lie anywhere.
      if (element->kind != loop::ExprNode::Kind::load || has_load(element->args[0])) continue;
      const loop::Buffer& buffer = *element->buffer;
      if (buffer.size * loop::size_in_bytes(buffer.type) > blocks_.fetch_above)
        list.push_back(loop::prefetch(element->buffer, t_.loader.simplify(element->args[0])));
    }
    return loop::block(std::move(list));
  });
}

// A polynomial needs the registers that the sums are in, and more than a row of them to keep the machine busy
// while each of its steps waits for the one before. So all that the work starts from is put to memory, where
// the tile has no rows, and the results come from there. Random numbers are drawn row by row, in a loop: they
// too need those registers, and the code of a whole tile's would be long.
Stmt ContractLoops::finish_in_memory(const Unit& unit, const TileAt& tile, const PanelAt& panel,
                                     const loop::BufferRef& acc,
                                     const std::vector<std::pair<Value, Index>>& starts) {
  const int64_t elements = tile.rows * panel.lanes;
  const auto buffer = [&](const char* name, size_t number, Value value) {
    return local_buffer(name + std::to_string(number), loop::from_graph(value.dtype()), elements);
  };
  const std::vector<TileStore> stores = t_.stores();
  std::vector<loop::BufferRef> from, to;
  for (const auto& [value, index] : starts) from.push_back(buffer("start", from.size(), value));
  for (const TileStore& store : stores) to.push_back(buffer("end", to.size(), store.value));

  std::vector<Stmt> body;
  for (size_t i = 0; i < starts.size(); ++i) {
    const bool is_sum = starts[i].first == c_.result();
    body.push_back(for_elements(tile, panel, is_sum ? LoopKind::unrolled : LoopKind::serial,
                                [&](const Expr& row, const Expr& column, const Expr& slot) {
                                  Loader::Scope scope(t_.loader);
                                  if (is_sum) return loop::store(from[i], slot, loop::load(acc, slot));
                                  const Tile values = results_at(unit, tile, panel, row, column);
                                  const auto [value, index] = starts_of(values)->at(i);
                                  return loop::store(from[i], slot,
                                                     t_.loader.at(value, index, counts(panel, column)));
                                }));
  }
  const int64_t vectors = elements / lanes_;
  int64_t together = std::min<int64_t>(vectors, blocks_.finish_vectors);
  while (vectors % together != 0) --together;
  body.push_back(vector_loop(t_.loader, "e", elements, together * lanes_, [&](const VectorPoint& at) {
    Loader::Scope scope(t_.loader);
    for (size_t i = 0; i < starts.size(); ++i) t_.loader.bind(starts[i].first, loop::load(from[i], at.index));
    std::vector<Value> results;
    for (const TileStore& store : stores) results.push_back(store.value);
    const Tile values = results_at(unit, tile, panel, loop::integer(0), loop::integer(0));
    return with_values(t_.loader, values, results, nullptr, [&](const std::vector<Expr>& exprs) {
      std::vector<Stmt> list;
      for (size_t i = 0; i < exprs.size(); ++i) list.push_back(loop::store(to[i], at.index, exprs[i]));
      return loop::block(std::move(list));
    });
  }));
  body.push_back(
      for_elements(tile, panel, LoopKind::serial, [&](const Expr& row, const Expr& column, const Expr& slot) {
        Loader::Scope scope(t_.loader);
        for (size_t i = 0; i < stores.size(); ++i) t_.loader.bind(stores[i].value, loop::load(to[i], slot));
        return store_tile(t_.loader, results_at(unit, tile, panel, row, column), stores,
                          counts(panel, column));
      }));
  Stmt result = loop::block(std::move(body));
  for (const auto& list : {from, to}) {
    for (const loop::BufferRef& memory : list) result = loop::allocate(memory, result);
  }
  return result;
}

}  // namespace sinter::passes
