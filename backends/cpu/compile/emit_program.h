#pragma once

#include <llvm/IR/Module.h>

#include <memory>
#include <string>
#include <vector>

#include "ir/loop/program.h"

namespace sinter::cpu {

struct EmittedModule {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
};

struct EmittedProgram {
  std::vector<EmittedModule> modules;  // each can be compiled on a thread of its own
  std::string entry;                   // the symbol of a cpu::Entry, in the first module
  int64_t scratch_bytes = 0;
};

// The program's kernels, spread over at most `parts` modules, and its entry, which runs the steps in order.
EmittedProgram emit_program(const loop::Program& program, size_t parts);

}  // namespace sinter::cpu
