#pragma once

#include "ir/loop/stmt.h"

namespace sinter::passes {

// Without vector loops, and unrolled ones but where these are kept: a statement for each lane and each
// iteration. All lanes of a store are evaluated before the first is written.
loop::Stmt scalarize(const loop::Stmt& stmt, bool keeps_unrolled);

}  // namespace sinter::passes
