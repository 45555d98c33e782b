#include "passes/expand_math/expand_math.h"

#include <unordered_map>
#include <utility>

#include "ir/loop/walk.h"
#include "passes/expand_math/functions.h"

namespace sinter::passes {
namespace {

using loop::Expr;
using loop::ExprNode;
using loop::ScalarOp;
using loop::Stmt;

class Expander final : public loop::Rewriter {
 public:
  explicit Expander(const MathTarget& target) : arithmetic_{target} {}

 private:
  Expr rewritten(const ExprNode& x, const std::vector<Expr>& args) override {
    if (x.kind != ExprNode::Kind::apply) return nullptr;
    if (x.op == ScalarOp::fma && arithmetic_.target.splits_fma) return args[0] * args[1] + args[2];
    if (x.type != loop::Type::f32) return nullptr;
    switch (x.op) {
#define SINTER_CALL_1(name) math::name(arithmetic_, args[0])
#define SINTER_CALL_2(name) math::name(arithmetic_, args[0], args[1])
#define SINTER_COST_1(name, arity)
#define SINTER_COST_5(name, arity)
#define SINTER_COST_20(name, arity) \
  case ScalarOp::name:              \
    return SINTER_CALL_##arity(name);
#define SINTER_ELEMENTWISE(name, arity, domain, result, cost, ...) SINTER_COST_##cost(name, arity)
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
#undef SINTER_COST_20
#undef SINTER_COST_5
#undef SINTER_COST_1
#undef SINTER_CALL_2
#undef SINTER_CALL_1
      case ScalarOp::rsqrt:
        return arithmetic_.target.exact_division ? math::rsqrt(args[0]) : nullptr;
      default:
        return nullptr;
    }
  }

  math::Arithmetic arithmetic_;
};

}  // namespace

Expr expand_math(const Expr& x, const MathTarget& target) {
  return Expander(target)(x);
}

Stmt expand_math(const Stmt& stmt, const MathTarget& target) {
  return Expander(target)(stmt);
}

loop::Program expand_math(const loop::Program& program, const MathTarget& target) {
  loop::Program result = program;
  std::unordered_map<Stmt, Stmt> expanded;  // kernels that share their loops go on to
  for (loop::Kernel& kernel : result.kernels) {
    for (Stmt& part : kernel.parts) {
      Stmt& body = expanded[part];
      if (!body) body = expand_math(part, target);
      part = body;
    }
  }
  return result;
}

}  // namespace sinter::passes
