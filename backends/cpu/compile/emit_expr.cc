#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>

#include <cstddef>

#include "backends/cpu/compile/arithmetic.h"
#include "backends/cpu/compile/emitter.h"
#include "backends/cpu/run/context.h"
#include "ir/loop/reducers.h"

// Expressions.
namespace sinter::cpu {

using loop::Expr;
using loop::ExprNode;
using loop::ScalarOp;

llvm::Value* KernelEmitter::value(const Expr& x) {
  if (const auto it = values_.find(x.get()); it != values_.end()) return it->second;
  llvm::Value* result = new_value(x);
  values_.emplace(x.get(), result);
  return result;
}

llvm::Value* KernelEmitter::new_value(const Expr& x) {
  switch (x->kind) {
    case ExprNode::Kind::integer:
    case ExprNode::Kind::number:
      return constant(*x);
    case ExprNode::Kind::variable:
      return bindings_.at(x->variable.get()).value;
    case ExprNode::Kind::load:
      return load(*x);
    case ExprNode::Kind::apply:
      return apply(*x);
    case ExprNode::Kind::cast:
      return cast(*x);
    case ExprNode::Kind::bitcast: {
      llvm::Value* from = value(x->args[0]);
      return builder_.CreateBitCast(from, from->getType()->getWithNewType(value_type(x->type)));
    }
    case ExprNode::Kind::context:
      return context_value(x->context);
  }
  fail("unknown expression");
}

llvm::Value* KernelEmitter::constant(const ExprNode& x) {
  llvm::Type* type = value_type(x.type);
  if (x.kind == ExprNode::Kind::number) return llvm::ConstantFP::get(type, x.number);
  return llvm::ConstantInt::get(type, static_cast<uint64_t>(x.integer), true);
}

llvm::Value* KernelEmitter::apply(const ExprNode& x) {
  if (loop::is_lane_reduction(x)) return lane_reduction(x);
  if (const auto comparison = compare_linear(x)) return *comparison;
  std::vector<llvm::Value*> args;
  for (const Expr& arg : x.args) args.push_back(value(arg));
  same_lanes(builder_, args);
  return emit_apply(builder_, x.op, x.args.back()->type, x.type, args);
}

llvm::Value* KernelEmitter::lane_reduction(const ExprNode& x) {
  const VectorLoop& vector = vector_.value();
  const ScalarOp combine = loop::reducer_of_lanes(x.op)->combine;
  llvm::Value* lanes = splat(builder_, value(x.args[0]), vector.lanes);
  if (vector.active != nullptr) {
    llvm::Value* neutral = splat(builder_, constant(*loop::identity(combine, x.type)), vector.lanes);
    lanes = builder_.CreateSelect(vector.active, lanes, neutral);
  }
  return emit_lane_reduction(builder_, combine, x.type, lanes);
}

// The lanes' indices as i32 cost a fraction of what vectors of 64 bits do.
llvm::Value* KernelEmitter::cast(const ExprNode& x) {
  const Expr& from = x.args[0];
  if (from->type == loop::Type::index && x.type == loop::Type::i32 && differs(from)) {
    if (const auto index = linear(from)) {
      llvm::Type* type = builder_.getInt32Ty();
      const unsigned lanes = vector_->lanes;
      llvm::Value* stride = splat(builder_, builder_.CreateTrunc(index->stride, type), lanes);
      llvm::Value* offset = builder_.CreateMul(stride, lane_numbers(type, lanes));
      return builder_.CreateAdd(splat(builder_, builder_.CreateTrunc(index->base, type), lanes), offset);
    }
  }
  return emit_cast(builder_, value(from), from->type, x.type);
}

llvm::Value* KernelEmitter::context_value(loop::ContextValue which) {
  llvm::Value*& known = context_values_[static_cast<size_t>(which)];
  if (known == nullptr) {
    const size_t offset = which == loop::ContextValue::seed_low    ? offsetof(Context, seed_low)
                          : which == loop::ContextValue::seed_high ? offsetof(Context, seed_high)
                                                                   : offsetof(Context, step);
    known = context_field(offset, builder_.getInt32Ty());
  }
  return known;
}

// Compares indices that are linear in the lane in 32 bits: only the sign of base + stride * lane counts, and
// the base may be cut to where that stays the same.
std::optional<llvm::Value*> KernelEmitter::compare_linear(const ExprNode& x) {
  if (x.type != loop::Type::boolean || x.args.size() != 2 || x.args[0]->type != loop::Type::index) return {};
  if (!differs(x.args[0]) && !differs(x.args[1])) return {};
  const auto a = linear(x.args[0]), b = linear(x.args[1]);
  if (!a || !b) return {};
  llvm::Value* stride = builder_.CreateSub(a->stride, b->stride);
  const auto* step = llvm::dyn_cast<llvm::ConstantInt>(stride);
  constexpr int64_t kBound = int64_t{1} << 30;
  if (step == nullptr || std::abs(step->getSExtValue()) * vector_->lanes >= kBound) return {};

  llvm::Value* base = builder_.CreateSub(a->base, b->base);
  base = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, base, builder_.getInt64(kBound));
  base = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, base, builder_.getInt64(-kBound));
  llvm::Type* type = builder_.getInt32Ty();
  llvm::Constant* steps = lane_numbers(type, vector_->lanes);
  llvm::Value* offset = builder_.CreateMul(
      steps, splat(builder_, llvm::ConstantInt::getSigned(type, step->getSExtValue()), vector_->lanes));
  llvm::Value* difference =
      builder_.CreateAdd(splat(builder_, builder_.CreateTrunc(base, type), vector_->lanes), offset);
  llvm::Value* zero = llvm::Constant::getNullValue(difference->getType());
  return emit_apply(builder_, x.op, loop::Type::i32, loop::Type::boolean, {difference, zero});
}

std::optional<KernelEmitter::Linear> KernelEmitter::linear(const Expr& x) {
  if (x->type != loop::Type::index) return {};
  if (!differs(x)) return Linear{value(x), builder_.getInt64(0)};
  if (x->kind == ExprNode::Kind::variable) return bindings_.at(x->variable.get()).linear;
  if (x->kind == ExprNode::Kind::apply) return linear_apply(*x);
  return {};
}

std::optional<KernelEmitter::Linear> KernelEmitter::linear_apply(const ExprNode& x) {
  const bool is_sum = x.op == ScalarOp::add || x.op == ScalarOp::sub;
  if (!is_sum && x.op != ScalarOp::mul) return {};
  const auto a = linear(x.args[0]), b = linear(x.args[1]);
  if (!a || !b) return {};
  const auto both = [&](llvm::Value* u, llvm::Value* v) {
    return emit_apply(builder_, x.op, loop::Type::index, loop::Type::index, {u, v});
  };
  if (is_sum) return Linear{both(a->base, b->base), both(a->stride, b->stride)};
  if (!differs(x.args[1])) return Linear{both(a->base, b->base), both(a->stride, b->base)};
  if (!differs(x.args[0])) return Linear{both(a->base, b->base), both(a->base, b->stride)};
  return {};
}

}  // namespace sinter::cpu
