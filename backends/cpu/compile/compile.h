#pragma once

#include <string>

#include "backends/cpu/run/executable.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"

namespace sinter::cpu {

// Machine code for a program, on up to `threads` threads, and all that is needed to run it.
Image compile(const loop::Program& program, int threads);

// What compile() makes on the way, as text. The target must be this machine's.
std::string emit_llvm(const loop::Program& program, const loop::Target& target);
std::string emit_asm(const loop::Program& program, const loop::Target& target);

}  // namespace sinter::cpu
