#include "passes/schedule/contract/loops.h"
#include "passes/schedule/core/local.h"

// The sums of a tile of dot products: vectors run along k, where both operands lie side by side.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

// A vector of partial sums for each element of the tile, added up at the end.
Stmt ContractLoops::dots(const TileAt& tile, const PanelAt& panel, const Source& left, const Source& right,
                         const loop::BufferRef& acc) {
  const loop::Type type = c_.type();
  const loop::BufferRef partial = local_buffer("partial", type, tile.rows * panel.columns * lanes_);
  const auto place = [&](int64_t row, int64_t column) {
    return loop::integer((row * panel.columns + column) * lanes_);
  };
  const auto each = [&](const std::function<Stmt(int64_t row, int64_t column)>& body) {
    std::vector<Stmt> list;
    for (int64_t row = 0; row < tile.rows; ++row) {
      for (int64_t column = 0; column < panel.columns; ++column) list.push_back(body(row, column));
    }
    return loop::block(std::move(list));
  };
  const auto element = [&](const Source& from, int64_t own, const Expr& k, const Expr& where) {
    return loop::load(from.buffer, t_.loader.simplify(from.base + k + own * from.own_stride), where);
  };
  // One vector's worth of k, or the `count` that are left.
  const auto step = [&](const Expr& offset, int64_t count) {
    return vector("k_lane", lanes_, [&](const Expr& lane) {
      const Expr where = count < lanes_ ? lane < loop::integer(count) : nullptr;
      std::vector<Expr> x, y;
      for (int64_t row = 0; row < tile.rows; ++row) x.push_back(element(left, row, offset + lane, where));
      for (int64_t column = 0; column < panel.columns; ++column)
        y.push_back(element(right, column, offset + lane, where));
      return each([&](int64_t row, int64_t column) {
        const Expr at = place(row, column) + lane, sum = loop::load(partial, at);
        const Expr &a = x[static_cast<size_t>(row)], &b = y[static_cast<size_t>(column)];
        return loop::store(partial, at,
                           loop::is_floating(type) ? loop::apply(ScalarOp::fma, {a, b, sum}) : sum + a * b);
      });
    });
  };

  std::vector<Stmt> body;
  body.push_back(vector("k_lane", lanes_, [&](const Expr& lane) {
    return each([&](int64_t row, int64_t column) {
      return loop::store(partial, place(row, column) + lane, loop::constant(0, type));
    });
  }));
  const BlockAt all = {loop::integer(0), loop::integer(0)};
  body.push_back(for_steps(all, blocks_.unroll * lanes_, [&](const StepAt& at, int64_t count) {
    std::vector<Stmt> steps;
    for (int64_t done = 0; done < count; done += lanes_)
      steps.push_back(step(at.offset + done, std::min(lanes_, count - done)));
    return loop::block(std::move(steps));
  }));
  // Columns that are none keep their places in the tile.
  body.push_back(
      for_elements(tile, panel, LoopKind::unrolled, [&](const Expr&, const Expr&, const Expr& slot) {
        return loop::store(acc, slot, loop::constant(0, type));
      }));
  body.push_back(vector("k_lane", lanes_, [&](const Expr& lane) {
    return each([&](int64_t row, int64_t column) {
      const Expr sum = loop::apply(ScalarOp::lane_sum, {loop::load(partial, place(row, column) + lane)});
      return loop::store(acc, loop::integer(row * panel.lanes + column), sum);
    });
  }));
  return loop::allocate(partial, loop::block(std::move(body)));
}

}  // namespace sinter::passes
