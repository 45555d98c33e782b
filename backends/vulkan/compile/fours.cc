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

bool is_multiple_of_four(const Expr& x) {
  if (const auto constant = loop::as_integer(x)) return *constant % 4 == 0;
  if (is_apply(*x, ScalarOp::add)) return is_multiple_of_four(x->args[0]) && is_multiple_of_four(x->args[1]);
  if (is_apply(*x, ScalarOp::mul)) return is_multiple_of_four(x->args[0]) || is_multiple_of_four(x->args[1]);
  return false;
}

struct Place {
  Expr rest;  // a multiple of four
  int64_t constant = 0;

  Expr vector() const { return rest / 4 + constant / 4; }
  Expr group(const loop::BufferRef& buffer) const { return loop::load(buffer, rest + constant / 4); }
};

bool is_candidate(const loop::Buffer& buffer) {
  return buffer.space == loop::Space::global && buffer.type == loop::Type::f32;
}

std::optional<Place> place_of(const loop::Buffer& buffer, const Expr& index) {
  if (buffer.size % 4 != 0) return {};
  Place place{index};
  if (const auto known = loop::as_integer(index)) {
    place = {loop::integer(0), *known};
  } else if (is_apply(*index, ScalarOp::add)) {
    if (const auto constant = loop::as_integer(index->args[1])) place = {index->args[0], *constant};
  }
  if (place.constant < 0 || !is_multiple_of_four(place.rest)) return {};
  return place;
}

std::optional<Place> place_of(const ExprNode& load) {
  if (!is_candidate(*load.buffer) || load.args.size() > 1) return {};
  return place_of(*load.buffer, load.args[0]);
}

// The four that statements from `first` on store; each before it could be read for the next.
std::optional<Expr> stored(const std::vector<Stmt>& block, size_t first) {
  if (first + 4 > block.size()) return {};
  std::optional<Place> begin;
  for (size_t lane = 0; lane < 4; ++lane) {
    const StmtNode& s = *block[first + lane];
    if (s.kind != StmtNode::Kind::store || s.condition || !is_candidate(*s.buffer) ||
        s.buffer != block[first]->buffer)
      return {};
    const auto place = place_of(*s.buffer, s.index);
    if (!place || place->constant % 4 != static_cast<int64_t>(lane)) return {};
    if (!begin) begin = place;
    if (!loop::same(place->group(s.buffer), begin->group(s.buffer)) ||
        loop::reads_other(s.value, s.buffer, s.index))
      return {};
  }
  return begin->vector();
}

}  // namespace

Fours::Fours(const std::vector<loop::BufferRef>& arguments, const Stmt& loops, const std::vector<bool>& moved,
             bool with_written) {
  for (size_t i = 0; i < moved.size(); ++i) {
    if (moved[i] || (!with_written && arguments[i]->written)) excluded_.insert(arguments[i].get());
  }
  visit(loops);
  for (const auto& [group, lanes] : lanes_) {
    const loop::Buffer* buffer = group->buffer.get();
    if (buffer->written && lanes.size() < 4) excluded_.insert(buffer);
  }
  for (const auto& [group, lanes] : lanes_) {
    const loop::Buffer* buffer = group->buffer.get();
    if (lanes.size() < 2 || excluded_.contains(buffer)) continue;
    groups_.insert(group);
    buffers_.insert(buffer);
  }
}

void Fours::visit(const Stmt& stmt) {
  for (const Expr* x : loop::expressions(*stmt)) {
    if (*x) visit(*x);
  }
  if (stmt->kind == StmtNode::Kind::store) excluded_.insert(stmt->buffer.get());
  for (size_t i = 0; i < stmt->body.size(); ++i) {
    const bool is_block = stmt->kind == StmtNode::Kind::block;
    if (!is_block || !stored(stmt->body, i)) {
      visit(stmt->body[i]);
      continue;
    }
    for (size_t lane = 0; lane < 4; ++lane) visit(stmt->body[i + lane]->value);
    i += 3;
  }
}

void Fours::visit(const Expr& x) {
  if (!seen_.insert(x.get()).second) return;
  for (const Expr& arg : x->args) visit(arg);
  if (x->kind != ExprNode::Kind::load) return;
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
  return FourElement{place->vector(), place->constant % 4};
}

std::optional<Expr> Fours::stores(const std::vector<Stmt>& block, size_t first) const {
  const auto four = stored(block, first);
  if (!four || excluded_.contains(block[first]->buffer.get())) return {};
  return four;
}

}  // namespace sinter::vulkan
