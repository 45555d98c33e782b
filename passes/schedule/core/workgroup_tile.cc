#include "passes/schedule/core/workgroup_tile.h"

#include <algorithm>

#include "ir/integers.h"
#include "passes/schedule/core/local.h"

namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

constexpr int64_t kMostLanes = 64;  // two subgroups or more on most machines

}  // namespace

int64_t workgroup_lanes(const loop::Target& target) {
  int64_t lanes = kMostLanes;
  while (lanes > target.max_workgroup_size) lanes /= 2;
  return lanes;
}

loop::BufferRef shared_buffer(std::string name, loop::Type type, int64_t size) {
  auto buffer = std::make_shared<loop::Buffer>();
  buffer->name = std::move(name);
  buffer->type = type;
  buffer->size = size;
  buffer->space = loop::Space::shared;
  return buffer;
}

int64_t cost_of(const LaneGrid& grid) {
  return grid.elements() + 2 * (grid.rows + grid.columns);
}

LaneGrid lane_grid(int64_t rows, int64_t columns, int64_t lanes, int64_t row_lanes) {
  LaneGrid best;
  bool is_first = true;
  for (int64_t along = 1; along <= lanes; along *= 2) {
    if (row_lanes != 0 && along != row_lanes) continue;
    LaneGrid grid;
    grid.row_lanes = along;
    grid.column_lanes = lanes / along;
    grid.rows = ceil_div(rows, grid.row_lanes);
    grid.columns = ceil_div(columns, grid.column_lanes);
    if (is_first || cost_of(grid) < cost_of(best)) best = grid;
    is_first = false;
  }
  return best;
}

WorkgroupTile::WorkgroupTile(Loader& loader, int64_t lanes)
    : loader_(loader),
      lanes_(lanes),
      lane_variable_(loader.variable("lane", lanes)),
      lane_(loop::variable(lane_variable_)) {}

LaneGrid WorkgroupTile::placed(LaneGrid grid, const std::string& name) {
  const auto bind = [&](const std::string& what, const Expr& value, int64_t end) {
    if (end == 1) return loop::integer(0);
    const auto variable = loader_.variable(what, end);
    lets_.emplace_back(variable, value);
    return loop::variable(variable);
  };
  grid.first_row = bind(name + "_row", loader_.simplify(lane_ / grid.column_lanes * grid.rows),
                        grid.tile_rows() - grid.rows + 1);
  grid.first_column = bind(name + "_column", loader_.simplify(lane_ % grid.column_lanes), grid.column_lanes);
  return grid;
}

Stmt WorkgroupTile::around(Stmt body) const {
  for (size_t i = lets_.size(); i-- > 0;) body = loop::let(lets_[i].first, lets_[i].second, body);
  return loop::loop(LoopKind::lane, lane_variable_, loop::integer(0), loop::integer(lanes_), body);
}

// Whether steps that follow one another are neighbours in memory.
bool WorkgroupTile::runs_along_depth(const TileOperand& operand, int64_t depth) {
  Loader::Scope scope(loader_);
  const auto t = loader_.variable("t", depth), place = loader_.variable("place", operand.extent);
  const Expr x = operand.element(loop::variable(t), loop::variable(place), nullptr);
  if (x->kind != loop::ExprNode::Kind::load) return false;
  const auto affine = loop::affine_in(loader_.simplify(x->args[0]), t);
  return affine && affine->coefficient == 1;
}

Stmt WorkgroupTile::stage(const TileProduct& p, const TileOperand& operand, int64_t padded,
                          const Expr& first) {
  Loader::Scope scope(loader_);
  const int64_t elements = p.chunk * padded, rounds = ceil_div(elements, lanes_);
  const auto round = loader_.variable("round", rounds);
  const auto element = loader_.variable("element", rounds * lanes_);
  const Expr e = loop::variable(element);
  const bool along = runs_along_depth(operand, p.depth);
  const Expr t = loader_.simplify(along ? e % p.chunk : e / padded);
  const Expr place = loader_.simplify(along ? e / p.chunk : e % padded);
  Expr inside;
  if (p.depth % p.chunk != 0) inside = inside && first + t < loop::integer(p.depth);
  if (operand.extent != padded) inside = inside && place < loop::integer(operand.extent);
  Expr exists;
  if (elements % lanes_ != 0) exists = e < loop::integer(elements);
  const Expr value = operand.element(first + t, place, exists && inside);
  const Stmt copy = loop::store(operand.stage, t * stride(padded) + place, value, exists);
  return loop::loop(LoopKind::serial, round, loop::integer(0), loop::integer(rounds),
                    loop::let(element, loop::variable(round) * lanes_ + lane_, copy));
}

Stmt WorkgroupTile::multiply(const TileProduct& p) {
  const LaneGrid& grid = p.grid;
  const int64_t chunks = ceil_div(p.depth, p.chunk);
  const auto chunk = loader_.variable("chunk", chunks);
  Loader::Scope scope(loader_);
  const Expr first = loop::variable(chunk) * p.chunk;
  std::vector<Stmt> body;
  if (p.left.stage) body.push_back(stage(p, p.left, grid.tile_rows(), first));
  if (p.right.stage) body.push_back(stage(p, p.right, grid.tile_columns(), first));
  body.push_back(loop::barrier());

  const auto step = loader_.variable("t", p.chunk);
  const Expr t = loop::variable(step);
  std::vector<std::pair<loop::VariableRef, Expr>> lets;
  const auto value = [&](const TileOperand& operand, int64_t padded, const Expr& place, const char* name) {
    const Expr x = operand.stage ? loop::load(operand.stage, t * stride(padded) + place)
                                 : operand.element(first + t, place, nullptr);
    lets.emplace_back(loop::make_variable(name, x->type), x);
    return loop::variable(lets.back().first);
  };
  std::vector<Expr> left, right;
  for (int64_t i = 0; i < grid.rows; ++i)
    left.push_back(value(p.left, grid.tile_rows(), grid.row(i), "left"));
  for (int64_t j = 0; j < grid.columns; ++j)
    right.push_back(value(p.right, grid.tile_columns(), grid.column(j), "right"));
  Stmt products = each(grid.elements(), [&](int64_t slot) {
    const auto i = static_cast<size_t>(slot / grid.columns), j = static_cast<size_t>(slot % grid.columns);
    const Expr sum = loop::load(p.sums, loop::integer(slot));
    const Expr next = loop::is_floating(p.sums->type) ? loop::apply(ScalarOp::fma, {left[i], right[j], sum})
                                                      : sum + left[i] * right[j];
    return loop::store(p.sums, loop::integer(slot), next);
  });
  for (size_t i = lets.size(); i-- > 0;) products = loop::let(lets[i].first, lets[i].second, products);
  const Expr count = loader_.simplify(loop::min(loop::integer(p.chunk), loop::integer(p.depth) - first));
  body.push_back(loop::loop(LoopKind::serial, step, loop::integer(0), count, products));
  body.push_back(loop::barrier());
  return loop::loop(LoopKind::serial, chunk, loop::integer(0), loop::integer(chunks),
                    loop::block(std::move(body)));
}

}  // namespace sinter::passes
