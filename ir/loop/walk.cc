#include "ir/loop/walk.h"

#include <algorithm>
#include <unordered_set>

#include "ir/loop/affine.h"
#include "ir/loop/fold.h"

namespace sinter::loop {

namespace {

bool any_of(const Expr& x, const std::function<bool(const ExprNode&)>& holds,
            std::unordered_set<const ExprNode*>& seen) {
  if (!seen.insert(x.get()).second) return false;
  return holds(*x) || std::ranges::any_of(x->args, [&](const Expr& arg) { return any_of(arg, holds, seen); });
}

}  // namespace

bool any_of(const Expr& x, const std::function<bool(const ExprNode&)>& holds) {
  std::unordered_set<const ExprNode*> seen;
  return any_of(x, holds, seen);
}

bool depends_on(const Expr& x, const VariableRef& variable) {
  return any_of(x, [&](const ExprNode& node) {
    return node.kind == ExprNode::Kind::variable && node.variable == variable;
  });
}

bool reads_other(const Expr& x, const BufferRef& buffer, const Expr& index) {
  return any_of(x, [&](const ExprNode& node) {
    return node.kind == ExprNode::Kind::load && node.buffer == buffer && !same(node.args[0], index);
  });
}

Expr Rewriter::operator()(const Expr& x) {
  if (!x) return nullptr;
  if (const auto it = done_.find(x.get()); it != done_.end()) return it->second.result;
  std::vector<Expr> args;
  args.reserve(x->args.size());
  bool changed = false;
  for (const Expr& arg : x->args) {
    args.push_back((*this)(arg));
    changed = changed || args.back().get() != arg.get();
  }
  Expr result = rewritten(*x, args);
  if (!result) result = changed ? with_args(*x, std::move(args)) : x;
  done_.insert_or_assign(x.get(), Done{x, result});
  return result;
}

Stmt Rewriter::operator()(const Stmt& stmt) {
  StmtNode node = *stmt;
  for (Stmt& child : node.body) child = (*this)(child);
  for (Expr* x : expressions(node)) *x = (*this)(*x);
  return std::make_shared<const StmtNode>(std::move(node));
}

void Emitter::emit(const Stmt& stmt) {
  switch (stmt->kind) {
#define SINTER_EMIT(kind)    \
  case StmtNode::Kind::kind: \
    return emit_##kind(*stmt);
    SINTER_EMIT(block)
    SINTER_EMIT(loop)
    SINTER_EMIT(store)
    SINTER_EMIT(let)
    SINTER_EMIT(branch)
    SINTER_EMIT(allocate)
    SINTER_EMIT(fault)
    SINTER_EMIT(barrier)
    SINTER_EMIT(prefetch)
#undef SINTER_EMIT
  }
}

void Emitter::emit_block(const StmtNode& s) {
  for (const Stmt& child : s.body) emit(child);
}

}  // namespace sinter::loop
