#include "backends/vulkan/compile/fours.h"

#include "ir/loop/affine.h"
#include "ir/loop/walk.h"

namespace sinter::vulkan {

using loop::Expr;
using loop::ExprNode;
using loop::ScalarOp;
using loop::Stmt;
using loop::StmtNode;

namespace {

bool is_apply(const ExprNode& x, ScalarOp op) {
  return x.kind == ExprNode::Kind::apply && x.op == op;
}

}  // namespace

// Where it is divided, and not quartered term by term, it must not be negative: a constant behind it is added
// later.
bool Fours::is_multiple_of_four(const Expr& x) const {
  const bool by_terms = views_ == FourViews::both;
  if (const auto constant = loop::as_integer(x)) return *constant % 4 == 0 && (by_terms || *constant >= 0);
  if (x->kind == ExprNode::Kind::variable) return quarters_.contains(x->variable.get());
  const auto is = [&](size_t i) { return is_multiple_of_four(x->args[i]); };
  if (is_apply(*x, ScalarOp::mul)) return is(0) || is(1);
  const bool is_by_terms = by_terms && (is_apply(*x, ScalarOp::sub) || is_apply(*x, ScalarOp::min));
  return (is_apply(*x, ScalarOp::add) || is_by_terms) && is(0) && is(1);
}

Expr Fours::vector_of(const Place& place) const {
  return (views_ == FourViews::both ? quarter(place.rest) : place.rest / 4) + place.constant / 4;
}

// Of a multiple of four: without a division, so that places which differ by a constant are seen to.
Expr Fours::quarter(const Expr& x) const {
  if (const auto constant = loop::as_integer(x)) return loop::integer(*constant / 4);
  if (x->kind == ExprNode::Kind::variable) return loop::variable(quarters_.at(x->variable.get()));
  const Expr &a = x->args[0], &b = x->args[1];
  if (is_apply(*x, ScalarOp::mul)) return is_multiple_of_four(b) ? a * quarter(b) : quarter(a) * b;
  return loop::apply(x->op, {quarter(a), quarter(b)});
}

loop::VariableRef Fours::quarter_of(const loop::Variable& variable) const {
  const auto it = quarters_.find(&variable);
  return it == quarters_.end() ? nullptr : it->second;
}

bool Fours::is_candidate(const loop::Buffer& buffer) const {
  const bool is_seen = buffer.space == loop::Space::global ||
                       (buffer.space == loop::Space::shared && views_ == FourViews::both);
  return is_seen && buffer.type == loop::Type::f32 && buffer.size % 4 == 0;
}

std::optional<Fours::Place> Fours::place_of(const loop::Buffer& buffer, const Expr& index) const {
  if (!is_candidate(buffer)) return {};
  Place place{index};
  if (const auto known = loop::as_integer(index)) {
    place = {loop::integer(0), *known};
  } else if (is_apply(*index, ScalarOp::add)) {
    if (const auto constant = loop::as_integer(index->args[1])) place = {index->args[0], *constant};
  }
  if (place.constant < 0 || !is_multiple_of_four(place.rest)) return {};
  return place;
}

std::optional<Fours::Place> Fours::place_of(const ExprNode& load) const {
  if (load.args.size() > 1) return {};
  return place_of(*load.buffer, load.args[0]);
}

// The four that statements from `first` on store; each before it could be read for the next.
std::optional<Expr> Fours::stored(const std::vector<Stmt>& block, size_t first) const {
  if (first + 4 > block.size()) return {};
  std::optional<Place> begin;
  for (size_t lane = 0; lane < 4; ++lane) {
    const StmtNode& s = *block[first + lane];
    if (s.kind != StmtNode::Kind::store || s.condition || s.buffer != block[first]->buffer) return {};
    const auto place = place_of(*s.buffer, s.index);
    if (!place || place->constant % 4 != static_cast<int64_t>(lane)) return {};
    if (!begin) begin = place;
    if (!loop::same(place->group(s.buffer), begin->group(s.buffer)) ||
        loop::reads_other(s.value, s.buffer, s.index))
      return {};
  }
  return vector_of(*begin);
}

Fours::Fours(const std::vector<loop::BufferRef>& arguments, const Stmt& loops, const std::vector<bool>& moved,
             FourViews views)
    : views_(views) {
  for (size_t i = 0; i < moved.size(); ++i) {
    if (moved[i] || (views_ == FourViews::of_reads && arguments[i]->written))
      excluded_.insert(arguments[i].get());
  }
  visit(loops);
  const auto is_written = [](const loop::Buffer& buffer) {
    return buffer.space == loop::Space::global && buffer.written;
  };
  for (const auto& [group, lanes] : lanes_) {
    const loop::Buffer* buffer = group->buffer.get();
    if (is_written(*buffer) && (lanes.size() < 4 || views_ == FourViews::both)) excluded_.insert(buffer);
  }
  for (const auto& [group, lanes] : lanes_) {
    const loop::Buffer* buffer = group->buffer.get();
    if (lanes.size() < 2 || excluded_.contains(buffer)) continue;
    groups_.insert(group);
    buffers_.insert(buffer);
  }
  if (views_ != FourViews::both) return;
  for (const loop::Buffer* buffer : stored_) {
    if (buffer->space == loop::Space::shared) continue;  // seen by four where it is loaded so
    if (loaded_.contains(buffer)) excluded_.insert(buffer);
    if (!excluded_.contains(buffer)) buffers_.insert(buffer);
  }
}

void Fours::visit(const Stmt& stmt) {
  for (const Expr* x : loop::expressions(*stmt)) {
    if (*x) visit(*x);
  }
  const bool by_both = views_ == FourViews::both;
  const bool is_index = stmt->kind == StmtNode::Kind::let && stmt->value->type == loop::Type::index;
  if (by_both && is_index && is_multiple_of_four(stmt->value))
    quarters_[stmt->variable.get()] = loop::make_variable(stmt->variable->name + "_by_4");
  if (!by_both && stmt->kind == StmtNode::Kind::store) excluded_.insert(stmt->buffer.get());
  for (size_t i = 0; i < stmt->body.size(); ++i) {
    const bool is_block = stmt->kind == StmtNode::Kind::block;
    if (!is_block || !stored(stmt->body, i)) {
      visit(stmt->body[i]);
      continue;
    }
    stored_.insert(stmt->body[i]->buffer.get());
    for (size_t lane = 0; lane < 4; ++lane) {
      visit(stmt->body[i + lane]->value);
      if (by_both) visit(stmt->body[i + lane]->index);
    }
    i += 3;
  }
}

void Fours::visit(const Expr& x) {
  if (!seen_.insert(x.get()).second) return;
  for (const Expr& arg : x->args) visit(arg);
  if (x->kind != ExprNode::Kind::load) return;
  loaded_.insert(x->buffer.get());
  const auto place = place_of(*x);
  if (!place) {
    if (x->buffer->written) excluded_.insert(x->buffer.get());
    return;
  }
  lanes_[place->group(x->buffer)].insert(place->constant % 4);
}

std::optional<FourElement> Fours::find(const ExprNode& load) const {
  const auto place = place_of(load);
  if (!place || !groups_.contains(place->group(load.buffer))) return {};
  return FourElement{vector_of(*place), place->constant % 4};
}

std::optional<FourElement> Fours::find(const loop::Buffer& shared, const Expr& index) const {
  const auto place = place_of(shared, index);
  if (!place) return {};
  return FourElement{vector_of(*place), place->constant % 4};
}

std::optional<Expr> Fours::stores(const std::vector<Stmt>& block, size_t first) const {
  const auto four = stored(block, first);
  const loop::Buffer* buffer = block[first]->buffer.get();
  if (!four || excluded_.contains(buffer)) return {};
  if (views_ == FourViews::both && !buffers_.contains(buffer)) return {};
  return four;
}

}  // namespace sinter::vulkan
