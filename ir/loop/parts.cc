#include "ir/loop/parts.h"

#include <fmt/format.h>

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

Stmt over_units(const Stmt& part) {
  if (root_loop(part)) return part;
  return loop(LoopKind::parallel, make_variable("unit"), integer(0), integer(1), part);
}

Stmt in_one_loop(const std::vector<Stmt>& parts) {
  if (parts.size() == 1) return parts[0];
  const VariableRef unit = make_variable("unit");
  const Expr u = variable(unit);
  LoopKind kind = LoopKind::parallel;
  std::vector<Stmt> branches;
  int64_t first = 0;
  for (const Stmt& part : parts) {
    const int64_t end = first + units_of(part);
    if (const Stmt root = root_loop(part)) kind = root->loop_kind;
    branches.push_back(branch(u >= integer(first) && u < integer(end), one_unit(part, u - first)));
    first = end;
  }
  return loop(kind, unit, integer(0), integer(first), block(std::move(branches)));
}

}  // namespace sinter::loop
