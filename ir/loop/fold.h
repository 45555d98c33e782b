#pragma once

#include <vector>

#include "ir/loop/expr.h"

namespace sinter::loop {

inline bool is_constant(const Expr& x) {
  return x->kind == ExprNode::Kind::integer || x->kind == ExprNode::Kind::number;
}

inline bool is_apply(const Expr& x, ScalarOp op) {
  return x->kind == ExprNode::Kind::apply && x->op == op;
}

// What `op` on `args` folds to by constants and the identities of integer arithmetic; null where to nothing
// simpler. Constants of sums and products stand to the right afterwards: (x + 1) * 4 is x*4 + 4.
Expr fold(ScalarOp op, Type type, const std::vector<Expr>& args);

// `x`, which has operands, made anew with other ones.
Expr with_args(const ExprNode& x, std::vector<Expr> args);

}  // namespace sinter::loop
