#pragma once

#include <llvm/IR/Module.h>

#include <optional>
#include <unordered_map>
#include <vector>

#include "backends/cpu/compile/pieces.h"
#include "backends/cpu/compile/values.h"
#include "ir/loop/program.h"
#include "ir/loop/vary.h"
#include "ir/loop/walk.h"

namespace sinter::cpu {

// What a kernel's local buffers may take of its thread's stack: half of it is for those that may become
// registers, which memory elsewhere never does. Others lie in scratch memory.
inline constexpr int64_t kKernelStackBytes = 128 << 10;

// A piece on its way into a module: an internal function (context, an address for each argument, the number
// of the first fault site where there are any, begin, end) that does what the kernel's statements say.
//
// Inside a vector loop an expression that depends on the lane is a vector value, any other a scalar, put into
// all lanes where it meets a vector.
class KernelEmitter final : private loop::Emitter {
 public:
  // `has_masks`: Target::has_masks.
  KernelEmitter(llvm::Module& module, const Piece& piece, const std::string& symbol, bool has_masks);

  llvm::Function* emit();
  int64_t scratch_bytes() const { return scratch_bytes_; }

 private:
  // An index that is base + stride * lane, both scalars.
  struct Linear {
    llvm::Value* base;
    llvm::Value* stride;
  };
  struct Binding {
    llvm::Value* value;
    std::optional<Linear> linear;  // where the value differs between lanes
  };
  struct VectorLoop {
    unsigned lanes;
    llvm::Value* active;  // one bit a lane; null where all are active
  };

  // What an unrolled loop's vector stores would have stored, one after the other, and where the first one's
  // lanes belong.
  struct Transposed {
    std::vector<llvm::Value*> rows;
    Linear at;
  };

  // Statements.
  void emit(const loop::Stmt& stmt) override;
  void emit_loop(const loop::StmtNode& s) override;
  void emit_serial(const loop::StmtNode& s, llvm::Value* begin, llvm::Value* end);
  void emit_unrolled(const loop::StmtNode& s, int64_t extent);
  void emit_vector(const loop::StmtNode& s, int64_t extent);
  void emit_let(const loop::StmtNode& s) override;
  void emit_branch(const loop::StmtNode& s) override;
  void emit_allocate(const loop::StmtNode& s) override;
  void emit_store(const loop::StmtNode& s) override;
  void emit_fault(const loop::StmtNode& s) override;
  void emit_barrier(const loop::StmtNode& s) override;
  void emit_prefetch(const loop::StmtNode& s) override;
  void emit_report(const loop::StmtNode& s, llvm::Value* position, llvm::Value* bits);
  int64_t constant_extent(const loop::StmtNode& s) const;
  llvm::BasicBlock* new_block(const char* name);

  // Expressions. One that stands twice in a statement is computed once.
  llvm::Value* value(const loop::Expr& x);
  llvm::Value* new_value(const loop::Expr& x);
  llvm::Value* constant(const loop::ExprNode& x);
  llvm::Value* apply(const loop::ExprNode& x);
  llvm::Value* lane_reduction(const loop::ExprNode& x);
  llvm::Value* cast(const loop::ExprNode& x);
  llvm::Value* context_value(loop::ContextValue which);
  std::optional<llvm::Value*> compare_linear(const loop::ExprNode& x);
  std::optional<Linear> linear(const loop::Expr& x);
  std::optional<Linear> linear_apply(const loop::ExprNode& x);
  bool differs(const loop::Expr& x) const { return vector_.has_value() && varies(x, varying_); }

  // Memory.
  llvm::Value* load(const loop::ExprNode& x);
  llvm::Value* load_scalar(const loop::Buffer& buffer, llvm::Value* index, llvm::Value* predicate);
  llvm::Value* load_vector(const loop::Buffer& buffer, llvm::Value* base, llvm::Value* mask);
  llvm::Value* load_lanes(const loop::Buffer& buffer, const std::vector<llvm::Value*>& indices,
                          llvm::Value* mask);
  void store_scalar(const loop::Buffer& buffer, llvm::Value* index, llvm::Value* x, llvm::Value* predicate);
  void store_vector(const loop::Buffer& buffer, llvm::Value* base, llvm::Value* x, llvm::Value* mask);
  void store_first(const loop::Buffer& buffer, llvm::Value* base, llvm::Value* x, unsigned lanes);
  void store_lanes(const loop::Buffer& buffer, const std::vector<llvm::Value*>& indices, llvm::Value* x,
                   llvm::Value* mask);
  static const loop::StmtNode* transposed_store(const loop::StmtNode& s, int64_t extent);
  void store_transposed(const loop::Buffer& buffer, Transposed square);
  std::vector<llvm::Value*> lane_indices(const loop::Expr& index, const std::optional<Linear>& known);
  llvm::Value* address(const loop::Buffer& buffer, llvm::Value* index);
  llvm::Value* guarded_address(const loop::Buffer& buffer, llvm::Value* index, llvm::Value* predicate);
  // The lanes in which something with this predicate (or null) happens; null where in all.
  llvm::Value* mask_of(const loop::Expr& predicate);
  llvm::Align alignment(const loop::Buffer& buffer);

  [[noreturn]] void fail(const std::string& what) const;
  llvm::Value* entry_alloca(llvm::Type* type, int64_t count, const std::string& name);
  llvm::Value* context_field(size_t offset, llvm::Type* type);
  llvm::Type* value_type(loop::Type type) { return cpu::value_type(context_, type); }
  llvm::Type* memory_type(loop::Type type) { return cpu::memory_type(context_, type); }

  llvm::Module& module_;
  bool has_masks_;
  llvm::LLVMContext& context_;
  const loop::Kernel& kernel_;
  llvm::Function* function_ = nullptr;
  llvm::Value* first_site_ = nullptr;  // where the kernel has any
  Builder builder_;
  Builder entry_;  // before the end of the entry block

  std::unordered_map<const loop::Buffer*, llvm::Value*> addresses_;
  std::unordered_map<const loop::Variable*, Binding> bindings_;
  std::unordered_map<const loop::ExprNode*, llvm::Value*> values_;  // of the current statement
  loop::VaryingSet varying_;
  std::optional<VectorLoop> vector_;
  std::optional<Transposed> transposed_;  // where stores are to wait
  llvm::Value* context_values_[3] = {};
  llvm::Value* nowhere_ = nullptr;  // where inactive lanes look
  llvm::Value* scratch_ = nullptr;
  int64_t stack_bytes_ = 0;
  int64_t scratch_bytes_ = 0;
};

}  // namespace sinter::cpu
