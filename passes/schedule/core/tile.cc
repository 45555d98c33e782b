#include "passes/schedule/core/tile.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "ir/index/view_maps.h"
#include "ir/loop/affine.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;
using loop::Expr;
using loop::Stmt;

namespace {

bool are_same(const Index& a, const Index& b) {
  return std::ranges::equal(a, b, [](const Expr& x, const Expr& y) { return loop::same(x, y); });
}

// Whether elements come to lie at other places of a domain.
bool moves(const Op& op) {
  return op.kind() != OpKind::elementwise && op.kind() != OpKind::check && op.code != OpCode::reshape;
}

}  // namespace

Tile::Tile(const graph::Function& body, const std::vector<std::pair<Value, Index>>& anchors,
           const loop::RangeMap& ranges) {
  for (const auto& [value, index] : anchors) {
    index_[value] = index;
    order_.push_back(value);
  }
  for (const auto& op : body.ops()) {
    if (op->results.size() != 1 || index_.contains(op->result())) continue;
    const Index* index = nullptr;
    for (Value operand : op->operands) {
      if (const auto it = index_.find(operand); it != index_.end()) index = &it->second;
    }
    if (index == nullptr) continue;
    auto here = loop::result_of(*op, *index, ranges);
    if (!here) continue;
    index_[op->result()] = std::move(*here);
    order_.push_back(op->result());
  }
  // An anchor may ask a view of another one for elsewhere than this leads to.
  bool is_asked_elsewhere = false;
  for (const auto& op : body.ops()) {
    if (op->kind() != OpKind::elementwise || !index_.contains(op->result())) continue;
    for (Value operand : op->operands) {
      const auto it = index_.find(operand);
      if (it == index_.end() || are_same(it->second, index_.at(op->result()))) continue;
      is_asked_elsewhere = shared_[operand] = true;
    }
  }
  if (is_asked_elsewhere) share_sources(body);
}

void Tile::share_moved(const graph::Function& body) {
  for (const auto& op : body.ops()) {
    if (op->kind() != OpKind::view && op->kind() != OpKind::data) continue;
    if (op->code == OpCode::reshape) continue;
    for (Value operand : op->operands) shared_[operand] = true;
  }
  share_sources(body);
}

void Tile::share_sources(const graph::Function& body) {
  for (size_t i = body.ops().size(); i-- > 0;) {
    const Op& op = *body.ops()[i];
    const bool is_bound = op.kind() == OpKind::reduction || op.kind() == OpKind::contraction;
    if (is_bound || op.results.size() != 1 || !shared_.contains(body.ops()[i]->result())) continue;
    for (Value operand : op.operands) shared_[operand] = true;
  }
}

Tile Tile::of_outputs(const graph::Function& body, const graph::Shape& domain, const Index& index,
                      const loop::RangeMap& ranges) {
  std::vector<Value> values;
  for (const graph::Output& output : body.outputs) values.push_back(output.value);
  return of_values(body, values, domain, index, ranges);
}

Tile Tile::of_values(const graph::Function& body, const std::vector<Value>& values,
                     const graph::Shape& domain, const Index& index, const loop::RangeMap& ranges) {
  Tile tile;
  for (Value value : values) tile.index_[value] = reshape_index(index, value.shape(), domain, ranges);
  for (size_t i = body.ops().size(); i-- > 0;) {
    const Op& op = *body.ops()[i];
    if (op.results.size() != 1) continue;
    const Value result = body.ops()[i]->result();
    if (op.kind() == OpKind::check) {
      tile.index_.try_emplace(result, reshape_index(index, result.shape(), domain, ranges));
    }
    const auto it = tile.index_.find(result);
    if (it == tile.index_.end()) continue;
    if (moves(op)) continue;
    const Index source = loop::source_of(op, it->second, ranges).index;
    for (Value operand : op.operands) tile.index_.try_emplace(operand, source);
  }
  for (const auto& op : body.ops()) {
    const bool outside = op->results.size() != 1 || !tile.index_.contains(op->result());
    for (Value operand : op->operands) {
      if (moves(*op) || outside) tile.shared_[operand] = true;
    }
    if (!outside) tile.order_.push_back(op->result());
  }
  tile.share_sources(body);
  return tile;
}

const Index* Tile::find(Value value) const {
  const auto it = index_.find(value);
  return it == index_.end() ? nullptr : &it->second;
}

Stmt with_values(Loader& loader, const Tile& tile, const std::vector<Value>& values, const Expr& predicate,
                 const std::function<Stmt(const std::vector<Expr>&)>& use) {
  // How often each value of the tile is needed for what is asked.
  graph::ValueMap<int> needed;
  std::vector<Value> pending = values;
  while (!pending.empty()) {
    const Value value = pending.back();
    pending.pop_back();
    if (tile.find(value) == nullptr || loader.is_bound(value)) continue;
    if (++needed[value] > 1) continue;
    for (Value operand : value.op->operands) pending.push_back(operand);
  }
  Loader::Scope scope(loader);
  std::vector<std::pair<loop::VariableRef, Expr>> lets;
  for (Value value : tile.values()) {
    const auto it = needed.find(value);
    if (it == needed.end() || it->second < 2 || loader.is_bound(value) || !tile.is_private(value)) continue;
    if (value.op->code == OpCode::parameter && value.rank() == 0) continue;
    const Expr expr = loader.at(value, *tile.find(value), predicate);
    const auto variable = loop::make_variable(fmt::format("t{}", lets.size()), expr->type);
    lets.push_back({variable, expr});
    loader.bind(value, loop::variable(variable));
  }
  std::vector<Expr> exprs;
  for (Value value : values) {
    const Index* index = tile.find(value);
    if (index == nullptr && !loader.is_bound(value)) {
      throw InternalError(fmt::format("'{}' to {} is not in its kernel's tile ({})",
                                      graph::name(value.op->code), graph::to_string(value.type()),
                                      graph::to_string(value.op->location)));
    }
    exprs.push_back(loader.at(value, index != nullptr ? *index : Index{}, predicate));
  }
  Stmt result = use(exprs);
  for (size_t i = lets.size(); i-- > 0;) result = loop::let(lets[i].first, lets[i].second, result);
  return result;
}

Stmt store_tile(Loader& loader, const Tile& tile, const std::vector<TileStore>& stores,
                const Expr& predicate) {
  std::vector<Value> values;
  for (const TileStore& store : stores) values.push_back(store.value);
  return with_values(loader, tile, values, predicate, [&](const std::vector<Expr>& exprs) {
    // All values first, then all stores: an output may lie where an input lies.
    std::vector<Stmt> body;
    std::vector<std::pair<loop::VariableRef, Expr>> lets;
    for (size_t i = 0; i < stores.size(); ++i) {
      Expr value = exprs[i];
      if (stores[i].added_at) value = loop::load(stores[i].buffer, stores[i].added_at) + value;
      if (stores.size() > 1 && value->kind != loop::ExprNode::Kind::variable) {
        lets.push_back({loop::make_variable(fmt::format("r{}", i), value->type), value});
        value = loop::variable(lets.back().first);
      }
      const Expr index =
          stores[i].added_at
              ? stores[i].added_at
              : loader.simplify(linearize(*tile.find(stores[i].value), stores[i].value.shape()));
      body.push_back(loop::store(stores[i].buffer, index, value, predicate));
    }
    Stmt result = loop::block(std::move(body));
    for (size_t i = lets.size(); i-- > 0;) result = loop::let(lets[i].first, lets[i].second, result);
    return result;
  });
}

}  // namespace sinter::passes
