#pragma once

#include <llvm/IR/Module.h>
#include <llvm/TargetParser/Triple.h>

#include "backends/cpu/compile/values.h"

// LLVM IR for what exported functions call besides kernels: in a process of just in time compiled code this
// is part of executable.cc.
namespace sinter::cpu {

class SupportEmitter {
 public:
  SupportEmitter(llvm::Module& module, const llvm::Triple& machine);

  // Context::parallel_for: by the caller's, where it has any and there is more than one unit.
  llvm::Function* parallel_for() { return parallel_for_; }
  // Context::report: keeps the first fault of the first site.
  llvm::Function* report() { return report_; }
  // Context::scratch, of threads that need `bytes` each.
  llvm::Function* scratch(int64_t bytes);

  // How the calling thread computes, as a number; and to compute as programs do; and as before.
  llvm::Value* emit_float_mode(Builder& b);
  void emit_set_float_mode(Builder& b, llvm::Value* mode);
  llvm::Value* flushing_mode(Builder& b);

 private:
  llvm::Function* make(const char* name, llvm::Type* result, std::vector<llvm::Type*> parameters);
  llvm::Function* emit_body();
  void emit_parallel_for();
  void emit_report();

  llvm::Module& module_;
  bool is_x86_;
  llvm::Function* parallel_for_;
  llvm::Function* report_;
};

}  // namespace sinter::cpu
