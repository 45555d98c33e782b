#pragma once

#include <vector>

#include "backends/cpu/compile/values.h"

namespace sinter::cpu {

// Of bool, i32, i64 and index. Integers wrap; an index is known not to. Null where there is no such
// operation.
llvm::Value* emit_integer_apply(Builder& builder, loop::ScalarOp op, loop::Type type,
                                const std::vector<llvm::Value*>& args);

}  // namespace sinter::cpu
