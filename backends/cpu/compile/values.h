#pragma once

#include <llvm/IR/IRBuilder.h>

#include "ir/loop/expr.h"

// LLVM values for Loop IR types: scalars, and vectors with one element a lane.
namespace sinter::cpu {

using Builder = llvm::IRBuilder<>;

llvm::Type* value_type(llvm::LLVMContext& context, loop::Type type);   // a bool is one bit
llvm::Type* memory_type(llvm::LLVMContext& context, loop::Type type);  // a bool is a byte

inline bool is_vector(const llvm::Value* x) {
  return x->getType()->isVectorTy();
}
unsigned lanes_of(const llvm::Value* x);  // 1 for a scalar

// `x` in every one of `lanes` lanes.
llvm::Value* splat(Builder& builder, llvm::Value* x, unsigned lanes);
// Vectors where one of them is: the others in every lane.
void same_lanes(Builder& builder, std::vector<llvm::Value*>& values);
// 0, 1, ... as integers of `type`.
llvm::Constant* lane_numbers(llvm::Type* type, unsigned lanes);

// Between memory and values: a bool changes its width.
llvm::Value* from_memory(Builder& builder, llvm::Value* x, loop::Type type);
llvm::Value* to_memory(Builder& builder, llvm::Value* x, loop::Type type);

// A field of a struct, which is `offset` bytes behind `base`: where it is, and what it holds.
llvm::Value* field_address(Builder& builder, llvm::Value* base, size_t offset);
llvm::Value* load_field(Builder& builder, llvm::Value* base, size_t offset, llvm::Type* type);
void store_field(Builder& builder, llvm::Value* base, size_t offset, llvm::Value* value);

bool is_true(const llvm::Value* x);  // known when compiling, in all lanes

}  // namespace sinter::cpu
