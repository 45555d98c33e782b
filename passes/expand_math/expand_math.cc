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
      case ScalarOp::exp:
        return math::exp(arithmetic_, args[0]);
      case ScalarOp::expm1:
        return math::expm1(arithmetic_, args[0]);
      case ScalarOp::log:
        return math::log(arithmetic_, args[0]);
      case ScalarOp::log1p:
        return math::log1p(arithmetic_, args[0]);
      case ScalarOp::sin:
        return math::sin(arithmetic_, args[0]);
      case ScalarOp::cos:
        return math::cos(arithmetic_, args[0]);
      case ScalarOp::tanh:
        return math::tanh(arithmetic_, args[0]);
      case ScalarOp::erf:
        return math::erf(arithmetic_, args[0]);
      case ScalarOp::pow:
        return math::pow(arithmetic_, args[0], args[1]);
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
    Stmt& body = expanded[kernel.body];
    if (!body) body = expand_math(kernel.body, target);
    kernel.body = body;
  }
  return result;
}

}  // namespace sinter::passes
