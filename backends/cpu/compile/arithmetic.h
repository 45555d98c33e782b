#pragma once

#include <vector>

#include "backends/cpu/compile/values.h"

// Scalar operations in LLVM IR, with the meaning of docs/graph_ir.md. Operands are all scalars, or all
// vectors of equally many lanes.
namespace sinter::cpu {

// `operand` is the type of the last operand. Not for lane_sum and its like.
llvm::Value* emit_apply(Builder& builder, loop::ScalarOp op, loop::Type operand, loop::Type result,
                        const std::vector<llvm::Value*>& args);
llvm::Value* emit_cast(Builder& builder, llvm::Value* x, loop::Type from, loop::Type to);

// Over all lanes of `x`, a power of two or not: halves are combined until one lane is left.
llvm::Value* emit_lane_reduction(Builder& builder, loop::ScalarOp combine, loop::Type type, llvm::Value* x);

}  // namespace sinter::cpu
