#include <llvm/IR/Constants.h>
#include <llvm/IR/MDBuilder.h>

#include <cstddef>
#include <utility>

#include "backends/cpu/compile/arithmetic.h"
#include "backends/cpu/compile/emitter.h"
#include "backends/cpu/compile/index_arithmetic.h"
#include "backends/cpu/run/context.h"
#include "ir/error.h"

// Statements, and the function around them.
namespace sinter::cpu {

using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

namespace {

constexpr int64_t kRegisterBytes = 2048;  // of all that a machine has
constexpr int64_t kLocalAlignment = 64;

}  // namespace

KernelEmitter::KernelEmitter(llvm::Module& module, const Piece& piece, const std::string& symbol,
                             bool has_masks)
    : module_(module),
      has_masks_(has_masks),
      context_(module.getContext()),
      kernel_(piece.kernel),
      builder_(context_),
      entry_(context_) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(context_);
  std::vector<llvm::Type*> parameters = {pointer};
  const size_t arguments = kernel_.arguments.size();
  parameters.insert(parameters.end(), arguments, pointer);
  parameters.insert(parameters.end(), piece.has_sites ? 3 : 2, builder_.getInt64Ty());
  function_ = llvm::Function::Create(llvm::FunctionType::get(builder_.getVoidTy(), parameters, false),
                                     llvm::Function::InternalLinkage, symbol, module);
  function_->setDoesNotThrow();
  function_->addParamAttr(0, llvm::Attribute::NoAlias);
  function_->getArg(0)->setName("context");
  if (piece.has_sites) first_site_ = function_->getArg(static_cast<unsigned>(arguments + 1));
  for (unsigned i = 0; i < arguments; ++i) {
    const loop::Buffer& buffer = *kernel_.arguments[i];
    llvm::Argument* argument = function_->getArg(i + 1);
    argument->setName(buffer.name);
    const auto known = static_cast<uint64_t>(std::max<int64_t>(buffer.alignment, 1));
    if (llvm::isPowerOf2_64(known))
      argument->addAttr(llvm::Attribute::getWithAlignment(context_, llvm::Align(known)));
    if (!buffer.written) argument->addAttr(llvm::Attribute::ReadOnly);
    if (piece.unaliased[i]) argument->addAttr(llvm::Attribute::NoAlias);
    argument->addAttr(llvm::Attribute::NoCapture);
    addresses_[&buffer] = argument;
  }
}

llvm::Function* KernelEmitter::emit() {
  llvm::BasicBlock* entry = new_block("entry");
  llvm::BasicBlock* body = new_block("body");
  entry_.SetInsertPoint(entry);
  entry_.SetInsertPoint(entry_.CreateBr(body));
  builder_.SetInsertPoint(body);
  emit(kernel_.parts.at(0));
  builder_.CreateRetVoid();
  return function_;
}

void KernelEmitter::fail(const std::string& what) const {
  throw InternalError("kernel " + kernel_.name + ": " + what);
}

int64_t KernelEmitter::constant_extent(const StmtNode& s) const {
  const auto extent = loop::as_integer(s.extent);
  if (!extent) fail("the extent of the loop over " + s.variable->name + " is not constant");
  return *extent;
}

llvm::BasicBlock* KernelEmitter::new_block(const char* name) {
  return llvm::BasicBlock::Create(context_, name, function_);
}

llvm::Value* KernelEmitter::entry_alloca(llvm::Type* type, int64_t count, const std::string& name) {
  llvm::AllocaInst* memory =
      entry_.CreateAlloca(llvm::ArrayType::get(type, static_cast<uint64_t>(count)), nullptr, name);
  memory->setAlignment(llvm::Align(kLocalAlignment));
  return memory;
}

llvm::Value* KernelEmitter::context_field(size_t offset, llvm::Type* type) {
  return load_field(entry_, function_->getArg(0), offset, type);
}

void KernelEmitter::emit(const Stmt& stmt) {
  values_.clear();
  Emitter::emit(stmt);
}

void KernelEmitter::emit_barrier(const StmtNode&) {
  fail("a barrier in a kernel for threads");
}

void KernelEmitter::emit_loop(const StmtNode& s) {
  switch (s.loop_kind) {
    case LoopKind::serial: {
      llvm::Value* begin = value(s.begin);
      return emit_serial(s, begin, builder_.CreateNSWAdd(begin, value(s.extent)));
    }
    case LoopKind::parallel: {
      // The kernel's range counts from the loop's beginning.
      llvm::Value* begin = value(s.begin);
      llvm::Value* first = builder_.CreateNSWAdd(begin, function_->getArg(function_->arg_size() - 2));
      return emit_serial(s, first,
                         builder_.CreateNSWAdd(begin, function_->getArg(function_->arg_size() - 1)));
    }
    case LoopKind::unrolled:
      return emit_unrolled(s, constant_extent(s));
    case LoopKind::vector:
      return emit_vector(s, constant_extent(s));
    case LoopKind::workgroup:
    case LoopKind::lane:
      break;
  }
  fail("a loop over workgroups in a kernel for threads");
}

void KernelEmitter::emit_serial(const StmtNode& s, llvm::Value* begin, llvm::Value* end) {
  const auto extent = loop::as_integer(s.extent);
  const bool is_known = s.loop_kind == LoopKind::serial && extent.has_value();
  if (is_known && *extent <= 1) return emit_unrolled(s, *extent);
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::BasicBlock* body = new_block("loop");
  llvm::BasicBlock* after = new_block("done");
  if (is_known) {
    builder_.CreateBr(body);
  } else {
    builder_.CreateCondBr(builder_.CreateICmpSLT(begin, end), body, after);
  }
  builder_.SetInsertPoint(body);
  llvm::PHINode* variable = builder_.CreatePHI(builder_.getInt64Ty(), 2, s.variable->name);
  variable->addIncoming(begin, before);
  bindings_[s.variable.get()] = {variable, {}};
  emit(s.body[0]);
  llvm::Value* next = builder_.CreateNSWAdd(variable, builder_.getInt64(1));
  variable->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, end), body, after);
  builder_.SetInsertPoint(after);
}

void KernelEmitter::emit_unrolled(const StmtNode& s, int64_t extent) {
  llvm::Value* begin = value(s.begin);
  const StmtNode* waiting = transposed_store(s, extent);
  if (waiting != nullptr) transposed_ = Transposed();
  for (int64_t i = 0; i < extent; ++i) {
    llvm::Value* index = emit_index_add(builder_, begin, builder_.getInt64(static_cast<uint64_t>(i)));
    bindings_[s.variable.get()] = {index, {}};
    emit(s.body[0]);
  }
  if (waiting != nullptr) {
    store_transposed(*waiting->buffer, *std::exchange(transposed_, std::nullopt));
  }
}

void KernelEmitter::emit_vector(const StmtNode& s, int64_t extent) {
  if (vector_) fail("a vector loop inside another");
  const auto lanes = static_cast<unsigned>(extent);
  llvm::Type* type = builder_.getInt64Ty();
  llvm::Value* begin = value(s.begin);
  llvm::Value* numbers = builder_.CreateNSWAdd(splat(builder_, begin, lanes), lane_numbers(type, lanes));
  bindings_[s.variable.get()] = {numbers, Linear{begin, builder_.getInt64(1)}};
  varying_.insert(s.variable);
  vector_ = VectorLoop{lanes, nullptr};
  if (s.limit) {
    llvm::Value* active = value(loop::variable(s.variable) < s.limit);
    if (!is_true(active)) vector_->active = splat(builder_, active, lanes);
  }
  emit(s.body[0]);
  vector_.reset();
  varying_.erase(s.variable);
}

void KernelEmitter::emit_let(const StmtNode& s) {
  const bool is_varying = differs(s.value);
  Binding binding{value(s.value), {}};
  if (is_varying) {
    binding.linear = linear(s.value);
    varying_.insert(s.variable);
  }
  bindings_[s.variable.get()] = binding;
  emit(s.body[0]);
  if (is_varying) varying_.erase(s.variable);
}

void KernelEmitter::emit_branch(const StmtNode& s) {
  llvm::Value* condition = value(s.condition);
  if (is_vector(condition)) fail("the condition of a branch differs between lanes");
  if (const auto* known = llvm::dyn_cast<llvm::ConstantInt>(condition)) {
    if (known->isOne()) emit(s.body[0]);
    if (known->isZero() && s.body.size() > 1) emit(s.body[1]);
    return;
  }
  llvm::BasicBlock* then = new_block("then");
  llvm::BasicBlock* otherwise = s.body.size() > 1 ? new_block("else") : nullptr;
  llvm::BasicBlock* after = new_block("after");
  builder_.CreateCondBr(condition, then, otherwise != nullptr ? otherwise : after);
  builder_.SetInsertPoint(then);
  emit(s.body[0]);
  builder_.CreateBr(after);
  if (otherwise != nullptr) {
    builder_.SetInsertPoint(otherwise);
    emit(s.body[1]);
    builder_.CreateBr(after);
  }
  builder_.SetInsertPoint(after);
}

void KernelEmitter::emit_allocate(const StmtNode& s) {
  const loop::Buffer& buffer = *s.buffer;
  if (buffer.space != loop::Space::local) fail("shared memory in a kernel for threads");
  // An unrolled loop comes here more than once, and may use the same memory each time.
  if (!addresses_.contains(&buffer)) {
    const int64_t whole = std::max<int64_t>(buffer.size * loop::size_in_bytes(buffer.type), 1);
    const int64_t bytes = (whole + kLocalAlignment - 1) / kLocalAlignment * kLocalAlignment;
    const int64_t most = bytes <= kRegisterBytes ? kKernelStackBytes : kKernelStackBytes / 2;
    if (stack_bytes_ + bytes <= most) {
      addresses_[&buffer] =
          entry_alloca(memory_type(buffer.type), std::max<int64_t>(buffer.size, 1), buffer.name);
      stack_bytes_ += bytes;
    } else {
      if (scratch_ == nullptr) {
        llvm::Value* context = function_->getArg(0);
        llvm::Value* callee = context_field(offsetof(Context, scratch), entry_.getPtrTy());
        scratch_ = entry_.CreateCall(llvm::FunctionType::get(entry_.getPtrTy(), {entry_.getPtrTy()}, false),
                                     callee, {context}, "scratch");
      }
      addresses_[&buffer] = entry_.CreateConstInBoundsGEP1_64(
          entry_.getInt8Ty(), scratch_, static_cast<uint64_t>(scratch_bytes_), buffer.name);
      scratch_bytes_ += bytes;
    }
  }
  emit(s.body[0]);
}

void KernelEmitter::emit_report(const StmtNode& s, llvm::Value* position, llvm::Value* bits) {
  llvm::Type* number = builder_.getInt64Ty();
  auto* signature =
      llvm::FunctionType::get(builder_.getVoidTy(), {builder_.getPtrTy(), number, number, number}, false);
  llvm::Value* context = function_->getArg(0);
  llvm::Value* callee = load_field(builder_, context, offsetof(Context, report), builder_.getPtrTy());
  llvm::Value* site = builder_.CreateAdd(first_site_, builder_.getInt64(static_cast<uint64_t>(s.site)));
  builder_.CreateCall(signature, callee, {context, site, position, bits});
}

void KernelEmitter::emit_fault(const StmtNode& s) {
  llvm::Value* failed = value(s.condition);
  if (differs(s.condition) || differs(s.position) || (s.value && differs(s.value))) {
    failed = splat(builder_, failed, vector_->lanes);
    if (vector_->active != nullptr) failed = builder_.CreateAnd(failed, vector_->active);
  }
  if (const auto* known = llvm::dyn_cast<llvm::Constant>(failed); known != nullptr && known->isNullValue())
    return;
  llvm::Value* position = emit_cast(builder_, value(s.position), s.position->type, loop::Type::i64);
  llvm::Value* bits = builder_.getInt64(0);
  if (s.value) {
    const loop::Type wide = loop::is_floating(s.value->type) ? loop::Type::f64 : loop::Type::i64;
    bits = emit_cast(builder_, value(s.value), s.value->type, wide);
    bits = builder_.CreateBitCast(bits, bits->getType()->getWithNewType(builder_.getInt64Ty()));
  }
  llvm::BasicBlock* report = new_block("fault");
  llvm::BasicBlock* after = new_block("sound");
  llvm::Value* any = is_vector(failed) ? builder_.CreateOrReduce(failed) : failed;
  builder_.CreateCondBr(any, report, after, llvm::MDBuilder(context_).createBranchWeights(1, 1 << 20));
  builder_.SetInsertPoint(report);
  if (!is_vector(failed)) {
    emit_report(s, position, bits);
    builder_.CreateBr(after);
  } else {
    // A loop over the lanes: this code is cold.
    const unsigned lanes = vector_->lanes;
    llvm::BasicBlock* head = new_block("lane");
    llvm::BasicBlock* told = new_block("told");
    llvm::BasicBlock* next = new_block("next");
    builder_.CreateBr(head);
    builder_.SetInsertPoint(head);
    llvm::PHINode* lane = builder_.CreatePHI(builder_.getInt64Ty(), 2);
    lane->addIncoming(builder_.getInt64(0), report);
    builder_.CreateCondBr(builder_.CreateExtractElement(failed, lane), told, next);
    builder_.SetInsertPoint(told);
    const auto in_lane = [&](llvm::Value* x) {
      return is_vector(x) ? builder_.CreateExtractElement(x, lane) : x;
    };
    emit_report(s, in_lane(position), in_lane(bits));
    builder_.CreateBr(next);
    builder_.SetInsertPoint(next);
    llvm::Value* following = builder_.CreateAdd(lane, builder_.getInt64(1));
    lane->addIncoming(following, next);
    builder_.CreateCondBr(builder_.CreateICmpULT(following, builder_.getInt64(lanes)), head, after);
  }
  builder_.SetInsertPoint(after);
}

}  // namespace sinter::cpu
