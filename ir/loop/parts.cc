#include "ir/loop/parts.h"

#include <fmt/format.h>

#include <span>

#include "ir/error.h"

namespace sinter::loop {
namespace {

bool is_over_units(const Stmt& stmt) {
  return stmt->kind == StmtNode::Kind::loop &&
         (stmt->loop_kind == LoopKind::parallel || stmt->loop_kind == LoopKind::workgroup);
}

Stmt one_unit(const Stmt& part, const Expr& unit) {
  if (is_over_units(part)) return let(part->variable, unit, part->body[0]);
  return part->kind == StmtNode::Kind::allocate ? allocate(part->buffer, one_unit(part->body[0], unit))
                                                : part;
}

// The part that a unit is of, found by halving: with one branch for each part, a unit would come by all of
// them, whose code lies far apart.
Stmt part_of(std::span<const Stmt> parts, std::span<const int64_t> firsts, const Expr& unit) {
  if (parts.size() == 1) return one_unit(parts[0], unit - firsts[0]);
  const size_t half = parts.size() / 2;
  return branch(unit < integer(firsts[half]), part_of(parts.first(half), firsts.first(half), unit),
                part_of(parts.subspan(half), firsts.subspan(half), unit));
}

}  // namespace

Stmt root_loop(const Stmt& part) {
  if (is_over_units(part)) return part;
  return part->kind == StmtNode::Kind::allocate ? root_loop(part->body[0]) : nullptr;
}

int64_t units_of(const Stmt& part) {
  const Stmt loop = root_loop(part);
  if (!loop) return 1;
  const auto extent = as_integer(loop->extent);
  if (!extent)
    throw InternalError(fmt::format("the extent of the loop over {} is not constant", loop->variable->name));
  return *extent;
}

int64_t units_of(const Kernel& kernel) {
  int64_t units = 0;
  for (const Stmt& part : kernel.parts) units += units_of(part);
  return units;
}

std::optional<int64_t> lanes_of(const Stmt& part) {
  if (part->kind == StmtNode::Kind::loop && part->loop_kind == LoopKind::lane)
    return as_integer(part->extent);
  for (const Stmt& child : part->body) {
    if (const auto lanes = lanes_of(child)) return lanes;
  }
  return std::nullopt;
}

Stmt over_units(const Stmt& part) {
  if (root_loop(part)) return part;
  return loop(LoopKind::parallel, make_variable("unit"), integer(0), integer(1), part);
}

Stmt in_one_loop(const std::vector<Stmt>& parts) {
  if (parts.size() == 1) return parts[0];
  LoopKind kind = LoopKind::parallel;
  std::vector<int64_t> firsts;
  int64_t units = 0;
  for (const Stmt& part : parts) {
    if (const Stmt root = root_loop(part)) kind = root->loop_kind;
    firsts.push_back(units);
    units += units_of(part);
  }
  const VariableRef unit = make_variable("unit");
  return loop(kind, unit, integer(0), integer(units), part_of(parts, firsts, variable(unit)));
}

}  // namespace sinter::loop
