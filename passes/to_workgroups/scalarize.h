#pragma once

#include "ir/loop/stmt.h"

namespace sinter::passes {

// Without vector and unrolled loops: a statement for each lane and each iteration. All lanes of a store are
// evaluated before the first is written.
loop::Stmt scalarize(const loop::Stmt& stmt);

}  // namespace sinter::passes
