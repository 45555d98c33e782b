#include "backends/cpu/ahead/emit_support.h"

#include <fmt/format.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <cstddef>

#include "backends/cpu/ahead/running.h"
#include "backends/cpu/compile/emit_program.h"
#include "runtime/float_mode.h"

namespace sinter::cpu {
namespace {

llvm::BasicBlock* new_block(llvm::Function* function, const char* name) {
  return llvm::BasicBlock::Create(function->getContext(), name, function);
}

}  // namespace

SupportEmitter::SupportEmitter(llvm::Module& module, const llvm::Triple& machine)
    : module_(module), is_x86_(machine.isX86()) {
  emit_parallel_for();
  emit_report();
}

llvm::Function* SupportEmitter::make(const char* name, llvm::Type* result,
                                     std::vector<llvm::Type*> parameters) {
  auto* function = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                          llvm::Function::InternalLinkage, name, module_);
  function->setDoesNotThrow();
  return function;
}

llvm::Value* SupportEmitter::emit_float_mode(Builder& b) {
  if (!is_x86_) return b.CreateIntrinsic(b.getInt64Ty(), llvm::Intrinsic::aarch64_get_fpcr, {});
  llvm::Value* place = b.CreateAlloca(b.getInt32Ty());
  b.CreateIntrinsic(b.getVoidTy(), llvm::Intrinsic::x86_sse_stmxcsr, {place});
  return b.CreateLoad(b.getInt32Ty(), place);
}

void SupportEmitter::emit_set_float_mode(Builder& b, llvm::Value* mode) {
  if (!is_x86_) {
    b.CreateIntrinsic(b.getVoidTy(), llvm::Intrinsic::aarch64_set_fpcr, {mode});
    return;
  }
  llvm::Value* place = b.CreateAlloca(b.getInt32Ty());
  b.CreateStore(mode, place);
  b.CreateIntrinsic(b.getVoidTy(), llvm::Intrinsic::x86_sse_ldmxcsr, {place});
}

llvm::Value* SupportEmitter::flushing_mode(Builder& b) {
  return is_x86_ ? static_cast<llvm::Value*>(b.getInt32(runtime::kX86FlushDenormals))
                 : b.getInt64(runtime::kArmFlushDenormals);
}

// What threads of the caller call: units begin .. end - 1 of a SharedLoop.
llvm::Function* SupportEmitter::emit_body() {
  llvm::LLVMContext& context = module_.getContext();
  llvm::Type* number = llvm::Type::getInt64Ty(context);
  llvm::Function* body =
      make("body", llvm::Type::getVoidTy(context),
           {llvm::PointerType::getUnqual(context), llvm::Type::getInt32Ty(context), number, number});
  Builder b(new_block(body, "entry"));
  llvm::Value* loop = body->getArg(0);
  const auto pointer = [&](size_t offset) { return load_field(b, loop, offset, b.getPtrTy()); };
  const auto count = [&](size_t offset) { return load_field(b, loop, offset, b.getInt64Ty()); };

  llvm::AllocaInst* own = b.CreateAlloca(llvm::ArrayType::get(b.getInt64Ty(), sizeof(Running) / 8));
  own->setAlignment(llvm::Align(alignof(Running)));
  llvm::Value* whole = pointer(offsetof(SharedLoop, running));
  // The fault, which others may write to meanwhile, is not of the copy.
  for (size_t offset : {offsetof(Context, slots), offsetof(Context, parallel_for), offsetof(Context, report),
                        offsetof(Context, scratch), offsetof(Running, whole), offsetof(Running, callers),
                        offsetof(Running, scratch)})
    store_field(b, own, offset, load_field(b, whole, offset, b.getPtrTy()));
  for (size_t offset : {offsetof(Context, seed_low), offsetof(Context, seed_high), offsetof(Context, step)})
    store_field(b, own, offset, load_field(b, whole, offset, b.getInt32Ty()));
  store_field(b, own, offsetof(Running, thread), b.CreateZExt(body->getArg(1), b.getInt64Ty()));

  llvm::Value* unit = count(offsetof(SharedLoop, unit));
  llvm::Value* begin = b.CreateMul(body->getArg(2), unit);
  llvm::Value* end = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateMul(body->getArg(3), unit),
                                             count(offsetof(SharedLoop, extent)));
  llvm::Value* before = emit_float_mode(b);
  emit_set_float_mode(b, flushing_mode(b));
  b.CreateCall(kernel_type(context), pointer(offsetof(SharedLoop, kernel)),
               {own, pointer(offsetof(SharedLoop, arguments)), begin, end});
  emit_set_float_mode(b, before);
  b.CreateRetVoid();
  return body;
}

void SupportEmitter::emit_parallel_for() {
  llvm::LLVMContext& context = module_.getContext();
  llvm::Function* body = emit_body();
  llvm::FunctionType* type = parallel_for_type(context);
  parallel_for_ = make("parallel_for", type->getReturnType(), type->params().vec());
  llvm::Value *running = parallel_for_->getArg(0), *kernel = parallel_for_->getArg(1),
              *arguments = parallel_for_->getArg(2), *extent = parallel_for_->getArg(3),
              *unit = parallel_for_->getArg(4), *worth = parallel_for_->getArg(5);
  llvm::BasicBlock *entry = new_block(parallel_for_, "entry"), *ask = new_block(parallel_for_, "ask"),
                   *shared = new_block(parallel_for_, "shared"), *alone = new_block(parallel_for_, "alone");
  Builder b(entry);
  b.CreateCondBr(b.CreateICmpSGE(unit, extent), alone, ask);

  b.SetInsertPoint(ask);
  llvm::Value* callers = load_field(b, running, offsetof(Running, callers), b.getPtrTy());
  llvm::Value* theirs = load_field(b, callers, offsetof(CallersContext, parallel_for), b.getPtrTy());
  llvm::Value* threads = load_field(b, callers, offsetof(CallersContext, threads), b.getInt32Ty());
  llvm::Value* most = b.CreateTrunc(
      b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateSExt(threads, b.getInt64Ty()), worth),
      b.getInt32Ty());
  b.CreateCondBr(b.CreateAnd(b.CreateIsNotNull(theirs), b.CreateICmpSGT(most, b.getInt32(1))), shared, alone);

  b.SetInsertPoint(shared);
  llvm::AllocaInst* loop = b.CreateAlloca(llvm::ArrayType::get(b.getInt64Ty(), sizeof(SharedLoop) / 8));
  loop->setAlignment(llvm::Align(alignof(SharedLoop)));
  store_field(b, loop, offsetof(SharedLoop, running), running);
  store_field(b, loop, offsetof(SharedLoop, kernel), kernel);
  store_field(b, loop, offsetof(SharedLoop, arguments), arguments);
  store_field(b, loop, offsetof(SharedLoop, extent), extent);
  store_field(b, loop, offsetof(SharedLoop, unit), unit);
  llvm::Value* units = b.CreateAdd(b.CreateSDiv(b.CreateSub(extent, b.getInt64(1)), unit), b.getInt64(1));
  llvm::Type* pointer = b.getPtrTy();
  auto* theirs_type = llvm::FunctionType::get(
      b.getVoidTy(), {pointer, b.getInt64Ty(), b.getInt32Ty(), pointer, pointer}, false);
  b.CreateCall(theirs_type, theirs,
               {load_field(b, callers, offsetof(CallersContext, pool), pointer), units, most, body, loop});
  b.CreateRetVoid();

  b.SetInsertPoint(alone);
  b.CreateCall(kernel_type(context), kernel, {running, arguments, b.getInt64(0), extent});
  b.CreateRetVoid();
}

void SupportEmitter::emit_report() {
  llvm::LLVMContext& context = module_.getContext();
  llvm::Type* number = llvm::Type::getInt64Ty(context);
  report_ = make("report", llvm::Type::getVoidTy(context),
                 {llvm::PointerType::getUnqual(context), number, number, number});
  llvm::Value *site = report_->getArg(1), *position = report_->getArg(2), *bits = report_->getArg(3);
  llvm::BasicBlock *entry = new_block(report_, "entry"), *wait = new_block(report_, "wait"),
                   *locked = new_block(report_, "locked"), *first = new_block(report_, "first"),
                   *after = new_block(report_, "after");
  Builder b(entry);
  llvm::Value* whole = load_field(b, report_->getArg(0), offsetof(Running, whole), b.getPtrTy());
  llvm::Value* lock = field_address(b, whole, offsetof(Running, lock));
  b.CreateBr(wait);

  b.SetInsertPoint(wait);
  llvm::Value* others = b.CreateAtomicRMW(llvm::AtomicRMWInst::Xchg, lock, b.getInt32(1), llvm::Align(4),
                                          llvm::AtomicOrdering::Acquire);
  b.CreateCondBr(b.CreateIsNull(others), locked, wait);

  b.SetInsertPoint(locked);
  llvm::Value* fault = load_field(b, whole, offsetof(Context, fault), b.getInt32Ty());
  llvm::Value* known_site = load_field(b, whole, offsetof(Running, site), number);
  llvm::Value* known_position = load_field(b, whole, offsetof(Running, position), number);
  llvm::Value* is_before =
      b.CreateOr(b.CreateICmpSLT(site, known_site),
                 b.CreateAnd(b.CreateICmpEQ(site, known_site), b.CreateICmpSLT(position, known_position)));
  b.CreateCondBr(b.CreateOr(b.CreateIsNull(fault), is_before), first, after);

  b.SetInsertPoint(first);
  store_field(b, whole, offsetof(Running, site), site);
  store_field(b, whole, offsetof(Running, position), position);
  store_field(b, whole, offsetof(Running, bits), bits);
  store_field(b, whole, offsetof(Context, fault), b.getInt32(1));
  b.CreateBr(after);

  b.SetInsertPoint(after);
  b.CreateAlignedStore(b.getInt32(0), lock, llvm::Align(4))->setAtomic(llvm::AtomicOrdering::Release);
  b.CreateRetVoid();
}

llvm::Function* SupportEmitter::scratch(int64_t bytes) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(module_.getContext());
  llvm::Function* function = make("scratch", pointer, {pointer});
  Builder b(new_block(function, "entry"));
  llvm::Value* running = function->getArg(0);
  llvm::Value* thread = load_field(b, running, offsetof(Running, thread), b.getInt64Ty());
  llvm::Value* all = load_field(b, running, offsetof(Running, scratch), b.getPtrTy());
  b.CreateRet(
      b.CreateInBoundsGEP(b.getInt8Ty(), all, b.CreateMul(thread, b.getInt64(static_cast<uint64_t>(bytes)))));
  return function;
}

}  // namespace sinter::cpu
