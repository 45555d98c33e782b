#include "ir/loop/vary.h"

#include "ir/loop/reducers.h"

namespace sinter::loop {
namespace {

bool varies(const Expr& x, const VaryingSet& varying, std::unordered_set<const ExprNode*>& uniform) {
  if (x->kind == ExprNode::Kind::variable) return varying.contains(x->variable);
  if (x->args.empty() || is_lane_reduction(*x) || uniform.contains(x.get())) return false;
  for (const Expr& arg : x->args) {
    if (varies(arg, varying, uniform)) return true;
  }
  uniform.insert(x.get());
  return false;
}

}  // namespace

bool varies(const Expr& x, const VaryingSet& varying) {
  std::unordered_set<const ExprNode*> uniform;
  return !varying.empty() && varies(x, varying, uniform);
}

}  // namespace sinter::loop
