#include "backends/cpu/compile/values.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>

#include "ir/error.h"

namespace sinter::cpu {

llvm::Type* value_type(llvm::LLVMContext& context, loop::Type type) {
  switch (type) {
    case loop::Type::boolean:
      return llvm::Type::getInt1Ty(context);
    case loop::Type::i32:
      return llvm::Type::getInt32Ty(context);
    case loop::Type::i64:
    case loop::Type::index:
      return llvm::Type::getInt64Ty(context);
    case loop::Type::f32:
      return llvm::Type::getFloatTy(context);
    case loop::Type::f64:
      return llvm::Type::getDoubleTy(context);
  }
  throw InternalError("unknown loop type");
}

llvm::Type* memory_type(llvm::LLVMContext& context, loop::Type type) {
  return type == loop::Type::boolean ? llvm::Type::getInt8Ty(context) : value_type(context, type);
}

unsigned lanes_of(const llvm::Value* x) {
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  return type == nullptr ? 1 : type->getNumElements();
}

llvm::Value* splat(Builder& builder, llvm::Value* x, unsigned lanes) {
  return is_vector(x) ? x : builder.CreateVectorSplat(lanes, x);
}

void same_lanes(Builder& builder, std::vector<llvm::Value*>& values) {
  for (const llvm::Value* value : values) {
    if (!is_vector(value)) continue;
    const unsigned lanes = lanes_of(value);
    for (llvm::Value*& other : values) other = splat(builder, other, lanes);
    return;
  }
}

llvm::Constant* lane_numbers(llvm::Type* type, unsigned lanes) {
  std::vector<llvm::Constant*> numbers;
  for (unsigned lane = 0; lane < lanes; ++lane) numbers.push_back(llvm::ConstantInt::get(type, lane));
  return llvm::ConstantVector::get(numbers);
}

llvm::Value* from_memory(Builder& builder, llvm::Value* x, loop::Type type) {
  if (type != loop::Type::boolean) return x;
  return builder.CreateICmpNE(x, llvm::Constant::getNullValue(x->getType()));
}

llvm::Value* to_memory(Builder& builder, llvm::Value* x, loop::Type type) {
  if (type != loop::Type::boolean) return x;
  return builder.CreateZExt(x, x->getType()->getWithNewBitWidth(8));
}

llvm::Value* field_address(Builder& builder, llvm::Value* base, size_t offset) {
  return builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), base, offset);
}

llvm::Value* load_field(Builder& builder, llvm::Value* base, size_t offset, llvm::Type* type) {
  return builder.CreateLoad(type, field_address(builder, base, offset));
}

void store_field(Builder& builder, llvm::Value* base, size_t offset, llvm::Value* value) {
  builder.CreateStore(value, field_address(builder, base, offset));
}

bool is_true(const llvm::Value* x) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(x);
  return constant != nullptr && constant->isAllOnesValue();
}

}  // namespace sinter::cpu
