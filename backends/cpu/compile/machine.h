#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/loop/target.h"

namespace sinter::cpu {

// A kind of machine: what LLVM makes code for, and what schedules see of it.
struct Machine {
  std::string triple, cpu;
  std::string features = {};  // those on which it differs from its cpu: "+avx2,-fma"
  loop::Target target = {};
};

// This machine.
const Machine& host();

// This machine for "native", else one of those that LLVM knows by name: of x86-64 ("x86-64-v3", "haswell") or
// of AArch64 ("aarch64", which is any of them, "cortex-a76"). It has the features of that name and common
// caches, whatever this machine is. Throws GraphError that lists names like it, or all of this machine's
// architecture.
Machine named(std::string_view name);

// Throws GraphError that names what code for `machine` may use and this machine lacks.
void check_runs_here(const Machine& machine);

// All that machine code depends on besides the module: LLVM's version, the kind of machine.
std::string code_identity(const Machine& machine);

}  // namespace sinter::cpu
