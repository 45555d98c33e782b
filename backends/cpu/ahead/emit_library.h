#pragma once

#include <llvm/IR/Module.h>

#include <cstdint>
#include <string>
#include <vector>

#include "backends/cpu/ahead/emit_support.h"
#include "backends/cpu/ahead/running.h"
#include "backends/cpu/compile/machine.h"
#include "backends/library.h"
#include "ir/loop/program.h"

namespace sinter::cpu {

uint64_t state_bytes(const backends::Library& library);  // of the whole file

// A library on its way into a module: first what its functions run, by which it is known how much memory they
// need; then the functions themselves, which know the header that says so.
class LibraryEmitter {
 public:
  // `programs`: what the library's entries become.
  LibraryEmitter(llvm::Module& module, const backends::Library& library,
                 const std::vector<loop::Program>& programs, const Machine& machine);

  // Bytes of the caller's arena that an entry needs, and those for each thread besides.
  uint64_t arena_bytes(size_t entry) const;
  uint64_t thread_bytes() const { return thread_bytes_; }
  uint64_t stack_bytes() const { return stack_bytes_; }  // that calls need at most

  // `interface`: the number of the header that callers have to have.
  void emit_functions(uint64_t interface);

 private:
  void emit_kernels();
  void emit_constants();
  void emit_function(size_t entry, uint64_t interface);
  llvm::Value* emit_needed_bytes(size_t entry, llvm::Value* callers);
  void emit_fault(const loop::Program& program, llvm::Value* callers, llvm::Value* running);
  llvm::Constant* sites_of(const loop::Program& program);
  uint64_t state_begin(const std::string& name) const;
  llvm::Value* emit_step(llvm::Value* state);
  void emit_next_step(llvm::Value* state, llvm::Value* step);
  void emit_check_state();
  void emit_clear_state();
  void emit_state_table();
  void hide_all_but(const std::vector<llvm::GlobalValue*>& exported);

  llvm::Function* begin_function(const std::string& name, llvm::Type* result,
                                 const std::vector<llvm::Type*>& parameters);
  // Goes on where `holds`; elsewhere the function returns.
  void require(llvm::Value* holds, Status status);
  llvm::BasicBlock* new_block(const char* name) {
    return llvm::BasicBlock::Create(b_.getContext(), name, b_.GetInsertBlock()->getParent());
  }
  void return_status(Status status) { b_.CreateRet(b_.getInt32(static_cast<uint32_t>(status))); }
  llvm::Constant* number(uint64_t value) { return b_.getInt64(value); }
  llvm::Constant* text(const std::string& bytes) { return b_.CreateGlobalString(bytes, "", 0, &module_); }
  llvm::GlobalVariable* table(const std::vector<llvm::Constant*>& rows, const char* name);

  llvm::Module& module_;
  Builder b_;
  const backends::Library& library_;
  const std::vector<loop::Program>& programs_;
  const Machine& machine_;
  SupportEmitter support_;
  std::vector<llvm::Function*> entries_;  // what runs the steps, by entry
  std::vector<llvm::GlobalValue*> exported_;
  std::vector<std::vector<uint64_t>> constant_places_;  // by entry and slot, in the table of constants
  llvm::Constant* constants_ = nullptr;
  llvm::Function* scratch_ = nullptr;
  uint64_t thread_bytes_ = 0;
  uint64_t stack_bytes_ = 0;
};

}  // namespace sinter::cpu
