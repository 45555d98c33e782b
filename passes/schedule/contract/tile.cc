#include "passes/schedule/contract/loops.h"
#include "passes/schedule/core/local.h"

// One register tile: a block of k, from the sums so far to the sums with it, or to the kernel's results.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

ContractLoops::Source ContractLoops::source(const Contraction::Operand& operand, const Expr& first) {
  return {operand.buffer, first, operand.own_stride, operand.k_stride};
}

Stmt ContractLoops::tile(const Unit& unit, const BlockAt& block, const Expr& group_begin, const TileAt& tile,
                         const PanelAt& panel) {
  const loop::Type type = c_.type();
  const loop::BufferRef acc = local_buffer("acc", type, tile.rows * panel.lanes);
  const auto each = [&](const TileElement& body) {
    return for_elements(tile, panel, LoopKind::unrolled, body);
  };

  // The addresses that the tile counts from have names, so that its loop has nothing to do but to add.
  std::vector<std::pair<loop::VariableRef, Expr>> names;
  const auto named = [&](const char* name, const Expr& value) {
    if (!has_threads_ || loop::as_integer(value)) return value;
    names.push_back({loop::make_variable(name), value});
    return loop::variable(names.back().first);
  };
  std::optional<Source> left, right;
  if (lhs_) {
    left = Source{lhs_, named("lhs_at", lhs_place(group_begin, tile.tile)),
                  has_rows_along_k() ? blocks_.k_block : 1, has_rows_along_k() ? 1 : tile.rows};
  } else if (c_.lhs().is_direct()) {
    left = source(c_.lhs(), named("lhs_at", c_.place_of(c_.lhs(), unit.b, tile.row, block.first)));
  }
  if (rhs_) {
    right = Source{rhs_, named("rhs_at", rhs_place(unit, panel.panel)), 1, panel.lanes};
  } else if (c_.rhs().is_direct()) {
    right = source(c_.rhs(), named("rhs_at", c_.place_of(c_.rhs(), unit.b, panel.column, block.first)));
  }
  const auto load = [&](const Source& from, const Expr& own, const Expr& offset, const Expr& where) {
    const Expr index = from.base + offset * from.k_stride + own * from.own_stride;
    return loop::load(from.buffer, t_.loader.simplify(index), where);
  };

  const auto step = [&](const StepAt& at) {
    Loader::Scope scope(t_.loader);
    return each([&](const Expr& row, const Expr& column, const Expr& slot) {
      const Expr where = rhs_ ? nullptr : counts(panel, column);
      const Expr x =
          left ? load(*left, row, at.offset, nullptr) : c_.lhs_at(unit.b, tile.row + row, at.first);
      const Expr y = right ? load(*right, column, at.offset, where)
                           : c_.rhs_at(unit.b, at.first, panel.column + column, where);
      const Expr sum = loop::load(acc, slot);
      const bool is_floating = loop::is_floating(type);
      return loop::store(acc, slot, is_floating ? loop::apply(ScalarOp::fma, {x, y, sum}) : sum + x * y);
    });
  };
  Expr sums_at;
  if (sums_) {
    const Expr number =
        (panel.panel - unit.panel_begin) * blocks_.tiles_a_unit() + tile.tile - unit.tile_begin;
    sums_at = named("sums_at", t_.loader.simplify(number * (blocks_.rows * blocks_.width)));
  }

  std::vector<Stmt> body;
  const Stmt clear = each([&](const Expr&, const Expr&, const Expr& slot) {
    return loop::store(acc, slot, loop::constant(0, type));
  });
  const auto whole = [&] {
    Stmt result = loop::allocate(acc, loop::block(std::move(body)));
    for (const auto& [name, value] : names) result = loop::let(name, value, result);
    return result;
  };
  if (blocks_.are_dots) {
    body = {fetch_starts(unit, tile, panel), dots(tile, panel, left.value(), right.value(), acc),
            finish_tile(unit, tile, panel, acc)};
    return whole();
  }
  body.push_back(clear);
  const Expr is_resumed = block.number >= loop::integer(1);
  if (sums_) {
    const Stmt fetch = each(
        [&](const Expr&, const Expr&, const Expr& slot) { return loop::prefetch(sums_, sums_at + slot); });
    body.push_back(loop::branch(is_resumed, fetch));
  }
  const auto in_last_block = [&](const Stmt& then, const Stmt& otherwise) {
    if (!sums_) return then;
    return loop::branch(block.number >= loop::integer(blocks_.k_blocks - 1), then, otherwise);
  };
  body.push_back(in_last_block(fetch_starts(unit, tile, panel), nullptr));
  body.push_back(for_steps(block, blocks_.unroll, [&](const StepAt& at, int64_t count) {
    const auto k = t_.loader.variable("k_inner", count);
    const Expr next = loop::variable(k);
    return loop::loop(LoopKind::unrolled, k, loop::integer(0), loop::integer(count),
                      step({at.offset + next, at.first + next}));
  }));
  Stmt keep;
  if (sums_) {
    const Stmt resume = each([&](const Expr&, const Expr&, const Expr& slot) {
      return loop::store(acc, slot, loop::load(sums_, sums_at + slot) + loop::load(acc, slot));
    });
    body.push_back(loop::branch(is_resumed, resume));
    keep = each([&](const Expr&, const Expr&, const Expr& slot) {
      return loop::store(sums_, sums_at + slot, loop::load(acc, slot));
    });
  }
  body.push_back(in_last_block(finish_tile(unit, tile, panel, acc), keep));
  return whole();
}

}  // namespace sinter::passes
