#pragma once

#include "ir/loop/program.h"

namespace sinter::passes {

// Throws InternalError where an argument of a step is not within its slot, or values that are alive at once
// share memory.
void verify_places(const loop::Program& program);

}  // namespace sinter::passes
