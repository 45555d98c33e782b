#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/loop/program.h"

namespace sinter::passes {

// For each kernel: its name with the modules it serves, its anchor, the ops in it with their source lines,
// its flops and the bytes it reads and writes at least, and why an op that could have joined another kernel
// did not.
std::string explain(const loop::Program& program);

// By kernel, how often a call launches it.
std::vector<int64_t> launches_a_call(const loop::Program& program);

// The arena's size, the step at which most of it is alive, and what lies there then, largest first, with the
// source line that made each.
std::string explain_memory(const loop::Program& program);

// The largest sum of what is alive in the arena at one time, each value rounded up to `alignment`.
int64_t peak_alive_bytes(const loop::Program& program, int64_t alignment);

}  // namespace sinter::passes
