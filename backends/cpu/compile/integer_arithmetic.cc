#include "backends/cpu/compile/integer_arithmetic.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include "backends/cpu/compile/index_arithmetic.h"

namespace sinter::cpu {
namespace {

using loop::ScalarOp;

llvm::Constant* integer(const llvm::Value* like, int64_t value) {
  return llvm::ConstantInt::getSigned(like->getType(), value);
}

// Quotient and remainder rounded to minus infinity; a divisor of zero gives zero, and the lowest value
// divided by -1 wraps to itself. The machine's instruction faults on both, so it never sees them.
struct FloorDivision {
  llvm::Value* quotient;
  llvm::Value* remainder;
};

FloorDivision floor_division(Builder& b, llvm::Value* x, llvm::Value* y) {
  const unsigned bits = x->getType()->getScalarSizeInBits();
  llvm::Value* zero = integer(x, 0);
  llvm::Value* lowest = llvm::ConstantInt::get(x->getType(), llvm::APInt::getSignedMinValue(bits));
  llvm::Value* by_zero = b.CreateICmpEQ(y, zero);
  llvm::Value* overflows = b.CreateAnd(b.CreateICmpEQ(x, lowest), b.CreateICmpEQ(y, integer(y, -1)));
  llvm::Value* divisor = b.CreateSelect(b.CreateOr(by_zero, overflows), integer(y, 1), y);
  llvm::Value* quotient = b.CreateSDiv(x, divisor);
  llvm::Value* remainder = b.CreateSub(x, b.CreateMul(quotient, divisor));
  llvm::Value* differ = b.CreateICmpSLT(b.CreateXor(remainder, divisor), zero);
  llvm::Value* adjust = b.CreateAnd(b.CreateICmpNE(remainder, zero), differ);
  quotient = b.CreateSelect(adjust, b.CreateSub(quotient, integer(x, 1)), quotient);
  remainder = b.CreateSelect(adjust, b.CreateAdd(remainder, divisor), remainder);
  return {b.CreateSelect(by_zero, zero, quotient), remainder};
}

// i32 or i64 to a power by squaring, as a function of the module: loops have no place inside an expression.
llvm::Function* power_function(llvm::Module& module, llvm::Type* type) {
  const std::string symbol = "sinter.pow.i" + std::to_string(type->getIntegerBitWidth());
  if (llvm::Function* existing = module.getFunction(symbol)) return existing;
  auto* function = llvm::Function::Create(llvm::FunctionType::get(type, {type, type}, false),
                                          llvm::Function::InternalLinkage, symbol, module);
  function->setDoesNotThrow();
  function->setDoesNotAccessMemory();
  function->setWillReturn();
  llvm::LLVMContext& context = module.getContext();
  auto* entry = llvm::BasicBlock::Create(context, "entry", function);
  auto* loop = llvm::BasicBlock::Create(context, "loop", function);
  auto* done = llvm::BasicBlock::Create(context, "done", function);
  Builder b(entry);
  llvm::Value *base = function->getArg(0), *exponent = function->getArg(1);
  llvm::Value *zero = integer(base, 0), *one = integer(base, 1), *minus_one = integer(base, -1);
  // Below zero: 1 and -1 to their powers, else 0.
  llvm::Value* odd = b.CreateICmpNE(b.CreateAnd(exponent, one), zero);
  llvm::Value* of_minus_one = b.CreateSelect(odd, minus_one, one);
  llvm::Value* reciprocal = b.CreateSelect(b.CreateICmpEQ(base, minus_one), of_minus_one, zero);
  reciprocal = b.CreateSelect(b.CreateICmpEQ(base, one), one, reciprocal);
  llvm::Value* without_loop = b.CreateSelect(b.CreateICmpEQ(exponent, zero), one, reciprocal);
  b.CreateCondBr(b.CreateICmpSGT(exponent, zero), loop, done);

  b.SetInsertPoint(loop);
  auto* left = b.CreatePHI(type, 2);
  auto* square = b.CreatePHI(type, 2);
  auto* product = b.CreatePHI(type, 2);
  llvm::Value* bit = b.CreateICmpNE(b.CreateAnd(left, one), zero);
  llvm::Value* next_product = b.CreateSelect(bit, b.CreateMul(product, square), product);
  llvm::Value* next_left = b.CreateLShr(left, one);
  left->addIncoming(exponent, entry);
  left->addIncoming(next_left, loop);
  square->addIncoming(base, entry);
  square->addIncoming(b.CreateMul(square, square), loop);
  product->addIncoming(one, entry);
  product->addIncoming(next_product, loop);
  b.CreateCondBr(b.CreateICmpNE(next_left, zero), loop, done);

  b.SetInsertPoint(done);
  auto* result = b.CreatePHI(type, 2);
  result->addIncoming(without_loop, entry);
  result->addIncoming(next_product, loop);
  b.CreateRet(result);
  return function;
}

llvm::Value* power(Builder& b, llvm::Value* x, llvm::Value* y) {
  llvm::Function* function = power_function(*b.GetInsertBlock()->getModule(), x->getType()->getScalarType());
  if (!is_vector(x)) return b.CreateCall(function, {x, y});
  llvm::Value* result = llvm::PoisonValue::get(x->getType());
  for (unsigned lane = 0; lane < lanes_of(x); ++lane) {
    llvm::Value* value =
        b.CreateCall(function, {b.CreateExtractElement(x, lane), b.CreateExtractElement(y, lane)});
    result = b.CreateInsertElement(result, value, lane);
  }
  return result;
}

llvm::Value* mul_high(Builder& b, llvm::Value* x, llvm::Value* y) {
  llvm::Type* wide = x->getType()->getWithNewBitWidth(64);
  llvm::Value* product = b.CreateMul(b.CreateZExt(x, wide), b.CreateZExt(y, wide));
  return b.CreateTrunc(b.CreateLShr(product, 32), x->getType());
}

llvm::Value* sign(Builder& b, llvm::Value* x) {
  llvm::Value* zero = integer(x, 0);
  llvm::Value* negative = b.CreateSelect(b.CreateICmpSLT(x, zero), integer(x, -1), zero);
  return b.CreateSelect(b.CreateICmpSGT(x, zero), integer(x, 1), negative);
}

llvm::Value* unary(Builder& b, ScalarOp op, llvm::Value* x) {
  switch (op) {
    case ScalarOp::neg:
      return b.CreateNeg(x);
    case ScalarOp::abs:
      return b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, x, b.getFalse());
    case ScalarOp::sign:
      return sign(b, x);
    case ScalarOp::floor:
    case ScalarOp::ceil:
    case ScalarOp::round:
      return x;
    case ScalarOp::logical_not:
      return b.CreateNot(x);
    default:
      return nullptr;
  }
}

// A bool's order is false, true: as one bit without a sign.
llvm::CmpInst::Predicate predicate(ScalarOp op, bool is_bool) {
  using Predicate = llvm::CmpInst::Predicate;
  switch (op) {
    case ScalarOp::equal:
      return Predicate::ICMP_EQ;
    case ScalarOp::not_equal:
      return Predicate::ICMP_NE;
    case ScalarOp::less:
      return is_bool ? Predicate::ICMP_ULT : Predicate::ICMP_SLT;
    case ScalarOp::less_equal:
      return is_bool ? Predicate::ICMP_ULE : Predicate::ICMP_SLE;
    case ScalarOp::greater:
      return is_bool ? Predicate::ICMP_UGT : Predicate::ICMP_SGT;
    case ScalarOp::greater_equal:
      return is_bool ? Predicate::ICMP_UGE : Predicate::ICMP_SGE;
    default:
      return Predicate::BAD_ICMP_PREDICATE;
  }
}

llvm::Value* binary(Builder& b, ScalarOp op, loop::Type type, llvm::Value* x, llvm::Value* y) {
  const bool is_index = type == loop::Type::index;
  const bool is_bool = type == loop::Type::boolean;
  switch (op) {
    case ScalarOp::add:
      return is_index && !is_vector(x) ? emit_index_add(b, x, y) : b.CreateAdd(x, y, "", false, is_index);
    case ScalarOp::sub:
      return is_index && !is_vector(x) ? emit_index_sub(b, x, y) : b.CreateSub(x, y, "", false, is_index);
    case ScalarOp::mul:
      return is_index && !is_vector(x) ? emit_index_mul(b, x, y) : b.CreateMul(x, y, "", false, is_index);
    case ScalarOp::div:
      return is_index ? b.CreateUDiv(x, y) : floor_division(b, x, y).quotient;
    case ScalarOp::rem:
      return is_index ? b.CreateURem(x, y) : floor_division(b, x, y).remainder;
    case ScalarOp::pow:
      return power(b, x, y);
    case ScalarOp::max:
      return is_bool ? b.CreateOr(x, y) : b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, x, y);
    case ScalarOp::min:
      return is_bool ? b.CreateAnd(x, y) : b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, x, y);
    case ScalarOp::logical_and:
      return b.CreateAnd(x, y);
    case ScalarOp::logical_or:
      return b.CreateOr(x, y);
    case ScalarOp::logical_xor:
      return b.CreateXor(x, y);
    case ScalarOp::shift_left:
      return b.CreateShl(x, y);
    case ScalarOp::shift_right:
      return b.CreateLShr(x, y);
    case ScalarOp::mul_high:
      return mul_high(b, x, y);
    default: {
      const auto comparison = predicate(op, is_bool);
      if (comparison == llvm::CmpInst::BAD_ICMP_PREDICATE) return nullptr;
      return b.CreateICmp(comparison, x, y);
    }
  }
}

}  // namespace

llvm::Value* emit_integer_apply(Builder& builder, ScalarOp op, loop::Type type,
                                const std::vector<llvm::Value*>& args) {
  return args.size() == 1 ? unary(builder, op, args[0]) : binary(builder, op, type, args[0], args[1]);
}

}  // namespace sinter::cpu
