#include "backends/cpu/compile/arithmetic.h"

#include <fmt/format.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <limits>

#include "backends/cpu/compile/integer_arithmetic.h"
#include "ir/error.h"

namespace sinter::cpu {
namespace {

using loop::ScalarOp;

[[noreturn]] void unexpected(ScalarOp op, loop::Type type) {
  throw InternalError(fmt::format("the cpu backend has no {} of {}", name(op), name(type)));
}

llvm::Constant* floating(const llvm::Value* like, double value) {
  return llvm::ConstantFP::get(like->getType(), value);
}

// A function of libm for each lane.
llvm::Value* call_libm(Builder& b, const char* function, const std::vector<llvm::Value*>& args) {
  llvm::Type* type = args[0]->getType()->getScalarType();
  llvm::Module& module = *b.GetInsertBlock()->getModule();
  auto* signature = llvm::FunctionType::get(type, std::vector<llvm::Type*>(args.size(), type), false);
  const std::string symbol = std::string(function) + (type->isFloatTy() ? "f" : "");
  llvm::FunctionCallee callee = module.getOrInsertFunction(symbol, signature);
  auto* declared = llvm::cast<llvm::Function>(callee.getCallee());
  declared->setDoesNotThrow();
  declared->setDoesNotAccessMemory();
  declared->setWillReturn();
  if (!is_vector(args[0])) return b.CreateCall(callee, args);
  llvm::Value* result = llvm::PoisonValue::get(args[0]->getType());
  for (unsigned lane = 0; lane < lanes_of(args[0]); ++lane) {
    std::vector<llvm::Value*> scalars;
    for (llvm::Value* arg : args) scalars.push_back(b.CreateExtractElement(arg, lane));
    result = b.CreateInsertElement(result, b.CreateCall(callee, scalars), lane);
  }
  return result;
}

// NaN where either is. `a > b ? a : b` is one instruction and gives b where either is NaN; a NaN in a is put
// back.
llvm::Value* floating_extreme(Builder& b, llvm::CmpInst::Predicate better, llvm::Value* x, llvm::Value* y) {
  llvm::Value* extreme = b.CreateSelect(b.CreateFCmp(better, x, y), x, y);
  return b.CreateSelect(b.CreateFCmpUNO(x, x), x, extreme);
}

llvm::Value* floating_sign(Builder& b, llvm::Value* x) {
  llvm::Value* zero = floating(x, 0);
  llvm::Value* zero_or_nan =
      b.CreateSelect(b.CreateFCmpOEQ(x, zero), zero, x);  // numpy's sign of -0.0 is 0.0
  llvm::Value* negative = b.CreateSelect(b.CreateFCmpOLT(x, zero), floating(x, -1), zero_or_nan);
  return b.CreateSelect(b.CreateFCmpOGT(x, zero), floating(x, 1), negative);
}

// The sign of the divisor, as Python has it.
llvm::Value* floating_rem(Builder& b, llvm::Value* x, llvm::Value* y) {
  llvm::Value* zero = floating(x, 0);
  llvm::Value* rem = call_libm(b, "fmod", {x, y});
  llvm::Value* differ = b.CreateXor(b.CreateFCmpOLT(rem, zero), b.CreateFCmpOLT(y, zero));
  llvm::Value* moved = b.CreateSelect(differ, b.CreateFAdd(rem, y), rem);
  llvm::Value* signed_zero = b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, zero, y);
  return b.CreateSelect(b.CreateFCmpOEQ(rem, zero), signed_zero, moved);
}

llvm::CmpInst::Predicate floating_predicate(ScalarOp op) {
  switch (op) {
    case ScalarOp::equal:
      return llvm::CmpInst::Predicate::FCMP_OEQ;
    case ScalarOp::not_equal:
      return llvm::CmpInst::Predicate::FCMP_UNE;
    case ScalarOp::less:
      return llvm::CmpInst::Predicate::FCMP_OLT;
    case ScalarOp::less_equal:
      return llvm::CmpInst::Predicate::FCMP_OLE;
    case ScalarOp::greater:
      return llvm::CmpInst::Predicate::FCMP_OGT;
    case ScalarOp::greater_equal:
      return llvm::CmpInst::Predicate::FCMP_OGE;
    default:
      return llvm::CmpInst::Predicate::BAD_FCMP_PREDICATE;
  }
}

llvm::Value* floating_unary(Builder& b, ScalarOp op, llvm::Value* x) {
  const auto intrinsic = [&](llvm::Intrinsic::ID id) { return b.CreateUnaryIntrinsic(id, x); };
  switch (op) {
    case ScalarOp::neg:
      return b.CreateFNeg(x);
    case ScalarOp::abs:
      return intrinsic(llvm::Intrinsic::fabs);
    case ScalarOp::sign:
      return floating_sign(b, x);
    case ScalarOp::sqrt:
      return intrinsic(llvm::Intrinsic::sqrt);
    case ScalarOp::rsqrt:
      return b.CreateFDiv(floating(x, 1), intrinsic(llvm::Intrinsic::sqrt));
    case ScalarOp::floor:
      return intrinsic(llvm::Intrinsic::floor);
    case ScalarOp::ceil:
      return intrinsic(llvm::Intrinsic::ceil);
    case ScalarOp::round:
      return intrinsic(llvm::Intrinsic::roundeven);
    case ScalarOp::is_finite:
      return b.CreateFCmpOLT(intrinsic(llvm::Intrinsic::fabs),
                             floating(x, std::numeric_limits<double>::infinity()));
    default:  // where no pass has made arithmetic of it
      return call_libm(b, std::string(name(op)).c_str(), {x});
  }
}

llvm::Value* floating_binary(Builder& b, ScalarOp op, llvm::Value* x, llvm::Value* y) {
  switch (op) {
    case ScalarOp::add:
      return b.CreateFAdd(x, y);
    case ScalarOp::sub:
      return b.CreateFSub(x, y);
    case ScalarOp::mul:
      return b.CreateFMul(x, y);
    case ScalarOp::div:
      return b.CreateFDiv(x, y);
    case ScalarOp::rem:
      return floating_rem(b, x, y);
    case ScalarOp::max:
      return floating_extreme(b, llvm::CmpInst::Predicate::FCMP_OGT, x, y);
    case ScalarOp::min:
      return floating_extreme(b, llvm::CmpInst::Predicate::FCMP_OLT, x, y);
    default:
      break;
  }
  const llvm::CmpInst::Predicate predicate = floating_predicate(op);
  if (predicate == llvm::CmpInst::Predicate::BAD_FCMP_PREDICATE)
    return call_libm(b, std::string(name(op)).c_str(), {x, y});
  return b.CreateFCmp(predicate, x, y);
}

llvm::Value* to_unsigned(Builder& b, llvm::Value* x, loop::Type to) {
  llvm::Type* type = x->getType()->getWithNewType(value_type(b.getContext(), to));
  return loop::is_floating(to) ? b.CreateUIToFP(x, type) : b.CreateZExt(x, type);
}

}  // namespace

llvm::Value* emit_apply(Builder& builder, ScalarOp op, loop::Type operand, loop::Type result,
                        const std::vector<llvm::Value*>& args) {
  if (op == ScalarOp::select) return builder.CreateSelect(args[0], args[1], args[2]);
  if (op == ScalarOp::to_unsigned) return to_unsigned(builder, args[0], result);
  if (op == ScalarOp::fma) {
    return builder.CreateIntrinsic(llvm::Intrinsic::fma, {args[0]->getType()}, {args[0], args[1], args[2]});
  }
  if (loop::is_floating(operand)) {
    if (args.size() == 1) return floating_unary(builder, op, args[0]);
    return floating_binary(builder, op, args[0], args[1]);
  }
  llvm::Value* value = emit_integer_apply(builder, op, operand, args);
  if (value == nullptr) unexpected(op, operand);
  return value;
}

llvm::Value* emit_cast(Builder& builder, llvm::Value* x, loop::Type from, loop::Type to) {
  llvm::Type* type = x->getType()->getWithNewType(value_type(builder.getContext(), to));
  if (from == to) return x;
  if (to == loop::Type::boolean) {
    llvm::Constant* zero = llvm::Constant::getNullValue(x->getType());
    return loop::is_floating(from) ? builder.CreateFCmpUNE(x, zero) : builder.CreateICmpNE(x, zero);
  }
  if (loop::is_floating(from)) {
    if (loop::is_floating(to)) return builder.CreateFPCast(x, type);
    return builder.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {type, x->getType()}, {x});
  }
  if (from == loop::Type::boolean) {
    return loop::is_floating(to) ? builder.CreateUIToFP(x, type) : builder.CreateZExt(x, type);
  }
  return loop::is_floating(to) ? builder.CreateSIToFP(x, type) : builder.CreateSExtOrTrunc(x, type);
}

llvm::Value* emit_lane_reduction(Builder& builder, ScalarOp combine, loop::Type type, llvm::Value* x) {
  unsigned lanes = lanes_of(x);
  const auto part = [&](unsigned begin, unsigned count) {
    std::vector<int> mask;
    for (unsigned lane = begin; lane < begin + count; ++lane) mask.push_back(static_cast<int>(lane));
    return builder.CreateShuffleVector(x, mask);
  };
  while (lanes > 1) {
    const unsigned half = lanes / 2, odd = lanes % 2;
    llvm::Value* combined = emit_apply(builder, combine, type, type, {part(0, half), part(half + odd, half)});
    if (odd == 0) {
      x = combined;
    } else {
      // The lane in the middle waits for the next round.
      llvm::Value* middle = builder.CreateExtractElement(x, half);
      x = llvm::PoisonValue::get(llvm::FixedVectorType::get(x->getType()->getScalarType(), half + 1));
      for (unsigned lane = 0; lane < half; ++lane) {
        x = builder.CreateInsertElement(x, builder.CreateExtractElement(combined, lane), lane);
      }
      x = builder.CreateInsertElement(x, middle, half);
    }
    lanes = half + odd;
  }
  return builder.CreateExtractElement(x, uint64_t{0});
}

}  // namespace sinter::cpu
