#pragma once

#include "backends/cpu/compile/values.h"

// Sums and products of indices with their constant last: the addresses of a tile's elements are then one and
// the same, with displacements that instructions hold. Half of the time to compile went into the others.
namespace sinter::cpu {

// variable + constant; null where all of it is constant.
struct IndexSum {
  llvm::Value* variable;
  int64_t constant;
};
IndexSum split_index(llvm::Value* index);

// Of scalars.
llvm::Value* emit_index_add(Builder& builder, llvm::Value* x, llvm::Value* y);
llvm::Value* emit_index_sub(Builder& builder, llvm::Value* x, llvm::Value* y);
llvm::Value* emit_index_mul(Builder& builder, llvm::Value* x, llvm::Value* y);

}  // namespace sinter::cpu
