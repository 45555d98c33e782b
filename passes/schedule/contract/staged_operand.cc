#include "passes/schedule/contract/staged_operand.h"

#include <algorithm>
#include <map>

#include "ir/integers.h"
#include "passes/schedule/core/local.h"

namespace sinter::passes {

using loop::Expr;
using loop::Stmt;

namespace {

// Steps that lanes side by side take of a row. More of them would meet in a bank of shared memory, where
// steps lie apart.
constexpr int64_t kMostAlong = 16;

}  // namespace

StagedOperand::StagedOperand(Loader& loader, const Source& source, const SharedTile& tile, const Expr& lane,
                             loop::BufferRef stage)
    : loader_(loader),
      source_(source),
      tile_(tile),
      stage_(std::move(stage)),
      fours_(source.tile_extent * tile.chunk / 4 / tile.lanes()),
      along_k_(source.operand.along_k),
      is_clamped_(source.extent % source.tile_extent != 0) {
  const std::string name = source.name;
  next_ = local_buffer(name + "_next", stage_->type, 4 * fours_);
  const int64_t fours_in_line = line_elements() / 4;
  const Expr in_line = loader.simplify(lane % fours_in_line * 4),
             line = loader.simplify(lane / fours_in_line);
  const Expr own = along_k_ ? loader.simplify(line % source.tile_extent) : in_line;
  const Expr step = along_k_ ? loader.simplify(line / source.tile_extent * line_elements() + in_line) : line;
  own_ =
      named(name + "_own", loader.simplify(source.first + own), round_up(source.extent, source.tile_extent));
  step_ = named(name + "_step", step, tile.chunk);
  put_at_ =
      named(name + "_put", loader.simplify(step * SharedTile::line(source.tile_extent) + own), stage_->size);
  find_elements();
}

int64_t StagedOperand::line_elements() const {
  return along_k_ ? std::min(tile_.chunk, kMostAlong) : source_.tile_extent;
}

// Fours are numbered along lines of neighbours; extents and lanes are powers of two.
StagedOperand::Four StagedOperand::four(int64_t number) const {
  const int64_t in_line = line_elements() / 4;
  const int64_t all = number * tile_.lanes(), along = all % in_line * 4, line = all / in_line;
  if (!along_k_) return {along, line};
  return {line % source_.tile_extent, line / source_.tile_extent * line_elements() + along};
}

Expr StagedOperand::named(const std::string& name, const Expr& value, int64_t end) {
  if (loop::as_integer(value)) return value;
  const auto variable = loader_.variable(name, end);
  lets_.emplace_back(variable, value);
  return loop::variable(variable);
}

void StagedOperand::find_elements() {
  const std::string name = source_.name;
  const bool is_direct = source_.operand.is_direct();
  // Four neighbours are clamped together where the last row begins four that are, or all are of one row.
  const bool by_four = along_k_ || source_.extent % 4 == 0;
  std::map<int64_t, Expr> owns, places;
  for (int64_t e = 0; e < 4 * fours_; ++e) {
    const Four at = four(e / 4);
    const int64_t among_rows = along_k_ ? 0 : e % 4, among_steps = along_k_ ? e % 4 : 0;
    // What the element shares a name with others for, and what it is away from them.
    const int64_t row = !is_clamped_ ? 0 : by_four ? at.own : at.own + among_rows;
    const int64_t away = at.own + among_rows - row;
    Expr& own = owns[row];
    if (!own && is_clamped_) {
      const int64_t last = source_.extent - (by_four && !along_k_ ? 4 : 1);
      own = named(name + "_row", loader_.simplify(loop::min(own_ + row, loop::integer(last))), last + 1);
    } else if (!own) {
      own = own_;
    }
    owns_.push_back({own, away});
    if (!is_direct) continue;
    Expr& place = places[row];
    if (!place) place = named(name + "_at", source_.place(own, step_), source_.operand.buffer->size);
    places_.push_back(
        {place, away * source_.operand.own_stride + (at.step + among_steps) * source_.operand.k_stride});
  }
}

Stmt StagedOperand::fetch(const Expr& chunk, int64_t first) const {
  Loader::Scope scope(loader_);
  const int64_t stride = source_.operand.k_stride;
  std::vector<Stmt> body;
  for (int64_t e = 0; e < 4 * fours_; ++e) {
    const int64_t step = four(e / 4).step + (along_k_ ? e % 4 : 0);
    const bool all_exist = chunk || source_.first_steps == tile_.chunk;
    const Expr predicate = all_exist ? nullptr : step_ + step < loop::integer(source_.first_steps);
    const auto slot = static_cast<size_t>(e);
    Expr value;
    if (source_.operand.is_direct()) {
      Expr base = places_[slot].base;
      if (chunk) base = base + chunk * (tile_.chunk * stride);
      value = loop::load(source_.operand.buffer, base + (places_[slot].offset + first * stride), predicate);
    } else {
      Expr base = step_;
      if (chunk) base = base + chunk * tile_.chunk;
      value = source_.element(owns_[slot].expr(), base + (first + step), predicate);
    }
    body.push_back(loop::store(next_, loop::integer(e), value));
  }
  return loop::block(std::move(body));
}

Stmt StagedOperand::fetch_first() const {
  return fetch(nullptr, 0);
}

Stmt StagedOperand::fetch_after(const Expr& chunk) const {
  return fetch(chunk, source_.first_steps);
}

Stmt StagedOperand::put(const Expr& half) const {
  const int64_t line = SharedTile::line(source_.tile_extent);
  std::vector<Stmt> body;
  for (int64_t e = 0; e < 4 * fours_; ++e) {
    const Four at = four(e / 4);
    const int64_t next = e % 4 * (along_k_ ? line : 1);
    const Expr base = half ? half + put_at_ : put_at_;
    body.push_back(
        loop::store(stage_, base + (at.step * line + at.own + next), loop::load(next_, loop::integer(e))));
  }
  return loop::block(std::move(body));
}

Expr StagedOperand::at(const Expr& half, const Expr& step, const Expr& own, int64_t offset) const {
  const Expr base = step * SharedTile::line(source_.tile_extent) + own;
  return loop::load(stage_, (half ? half + base : base) + offset);
}

Stmt StagedOperand::around(Stmt body) const {
  body = loop::allocate(next_, body);
  for (size_t i = lets_.size(); i-- > 0;) body = loop::let(lets_[i].first, lets_[i].second, body);
  return body;
}

}  // namespace sinter::passes
