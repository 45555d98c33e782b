#include "backends/cpu/compile/emit_program.h"

#include <fmt/format.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>

#include "backends/cpu/compile/emitter.h"
#include "backends/cpu/run/context.h"
#include "ir/error.h"
#include "ir/loop/parts.h"

namespace sinter::cpu {
namespace {

using loop::Step;

// What a core computes while it moves a byte between its caches.
constexpr double kFlopsAByte = 3;

// Work, in floating-point operations of a core that does 80 in a nanosecond, below which another thread costs
// more than it brings: 3 us. The caller alone would have to fetch what the other has made, and the other to
// fetch it back. And the least for one unit of work.
constexpr int64_t kParallelWork = 200'000;
constexpr int64_t kUnitWork = 1 << 15;
constexpr int64_t kThreadWork = kParallelWork / 2;  // of each thread; with less it waits longer than it works

// Iterations that are handed out together: those of a small kernel all.
int64_t unit_of(int64_t extent, int64_t work) {
  if (work < kParallelWork || extent <= 1) return std::max<int64_t>(extent, 1);
  const int64_t units = std::clamp<int64_t>(work / kUnitWork, 1, extent);
  return (extent - 1) / units + 1;
}

// A piece as the runtime calls it: takes its arguments' addresses and its first site out of their array.
void emit_wrapper(llvm::Module& module, const std::string& symbol, llvm::Function* body, const Piece& piece) {
  auto* wrapper = llvm::Function::Create(kernel_type(module.getContext()), llvm::Function::ExternalLinkage,
                                         symbol, module);
  wrapper->setDoesNotThrow();
  Builder b(llvm::BasicBlock::Create(module.getContext(), "entry", wrapper));
  std::vector<llvm::Value*> values = {wrapper->getArg(0)};
  const auto add_word = [&](size_t i, llvm::Type* type) {
    values.push_back(b.CreateLoad(type, b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), wrapper->getArg(1), i)));
  };
  const size_t arguments = piece.kernel.arguments.size();
  for (size_t i = 0; i < arguments; ++i) add_word(i, b.getPtrTy());
  if (piece.has_sites) add_word(arguments, b.getInt64Ty());
  values.push_back(wrapper->getArg(2));
  values.push_back(wrapper->getArg(3));
  b.CreateCall(body, values);
  b.CreateRetVoid();
}

// A kernel of several parts: calls each for those of its iterations that are asked for. The array of
// arguments holds those of one part after the other.
llvm::Function* emit_dispatcher(llvm::Module& module, const std::string& symbol,
                                const std::vector<Part>& parts, const std::vector<std::string>& pieces) {
  llvm::FunctionType* type = kernel_type(module.getContext());
  auto* function = llvm::Function::Create(type, llvm::Function::InternalLinkage, symbol, module);
  function->setDoesNotThrow();
  const auto new_block = [&](const char* name) {
    return llvm::BasicBlock::Create(module.getContext(), name, function);
  };
  Builder b(new_block("entry"));
  size_t argument = 0;
  for (const Part& part : parts) {
    llvm::Value *first = b.getInt64(static_cast<uint64_t>(part.begin)),
                *last = b.getInt64(static_cast<uint64_t>(part.end));
    llvm::Value* begin = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, function->getArg(2), first);
    llvm::Value* end = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, function->getArg(3), last);
    llvm::BasicBlock *call = new_block("part"), *next = new_block("next");
    b.CreateCondBr(b.CreateICmpSLT(begin, end), call, next);
    b.SetInsertPoint(call);
    b.CreateCall(
        module.getOrInsertFunction(pieces.at(part.piece), type),
        {function->getArg(0), b.CreateConstInBoundsGEP1_64(b.getPtrTy(), function->getArg(1), argument),
         b.CreateSub(begin, first), b.CreateSub(end, first)});
    b.CreateBr(next);
    b.SetInsertPoint(next);
    argument += part.words();
  }
  b.CreateRetVoid();
  return function;
}

// The function that runs the program's steps.
class EntryEmitter {
 public:
  EntryEmitter(llvm::Module& module, const loop::Program& program, const Pieces& pieces,
               const std::vector<std::string>& symbols, const std::string& symbol)
      : module_(module), program_(program), pieces_(pieces), symbols_(symbols), b_(module.getContext()) {
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy()}, false);
    function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
    function_->setDoesNotThrow();
    b_.SetInsertPoint(new_block("entry"));
    arguments_ =
        b_.CreateAlloca(b_.getPtrTy(), b_.getInt64(most_arguments(program.steps, pieces)), "arguments");
    slots_ = field(offsetof(Context, slots), b_.getPtrTy());
    emit(program.steps);
    b_.CreateRetVoid();
  }

  llvm::Function* function() const { return function_; }

 private:
  llvm::Value* callee(size_t kernel) {
    const std::vector<Part>& parts = pieces_.parts.at(kernel);
    if (parts.size() == 1)
      return module_.getOrInsertFunction(symbols_.at(parts[0].piece), kernel_type(b_.getContext()))
          .getCallee();
    llvm::Function*& dispatcher = dispatchers_[kernel];
    if (dispatcher == nullptr) {
      dispatcher = emit_dispatcher(module_, kernel_symbol(kernel, program_.kernels[kernel]), parts, symbols_);
    }
    return dispatcher;
  }

  llvm::BasicBlock* new_block(const char* name) {
    return llvm::BasicBlock::Create(b_.getContext(), name, function_);
  }

  llvm::Value* field(size_t offset, llvm::Type* type) {
    return load_field(b_, function_->getArg(0), offset, type);
  }

  void emit(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::repeat) {
        emit_repeat(step);
      } else if (step.kind == Step::Kind::begin) {
        emit_meeting(step, offsetof(Context, begin));
      } else if (step.kind == Step::Kind::end) {
        emit_meeting(step, offsetof(Context, end));
      } else {
        emit_guarded_launch(step);
      }
    }
  }

  void emit_repeat(const Step& step) {
    if (step.count <= 0) return;
    llvm::BasicBlock* before = b_.GetInsertBlock();
    llvm::BasicBlock* body = new_block("repeat");
    llvm::BasicBlock* after = new_block("done");
    b_.CreateBr(body);
    b_.SetInsertPoint(body);
    llvm::PHINode* turn = b_.CreatePHI(b_.getInt64Ty(), 2);
    turn->addIncoming(b_.getInt64(0), before);
    llvm::Value* last = b_.getInt64(static_cast<uint64_t>(step.count - 1));
    loops_.push_back(step.reverse ? b_.CreateSub(last, turn) : turn);
    emit(step.body);
    loops_.pop_back();
    turn->addIncoming(b_.CreateAdd(turn, b_.getInt64(1)), b_.GetInsertBlock());
    b_.CreateCondBr(b_.CreateICmpULT(turn, last), body, after);
    b_.SetInsertPoint(after);
  }

  void emit_meeting(const Step& step, size_t offset) {
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getInt64Ty()}, false);
    b_.CreateCall(type, field(offset, b_.getPtrTy()), {function_->getArg(0), b_.getInt64(step.collective)});
  }

  void emit_guarded_launch(const Step& step) {
    if (!step.writes_state) return emit_launch(step);
    llvm::BasicBlock* launch = new_block("sound");
    llvm::BasicBlock* after = new_block("after");
    llvm::Value* fault = field(offsetof(Context, fault), b_.getInt32Ty());
    b_.CreateCondBr(b_.CreateICmpEQ(fault, b_.getInt32(0)), launch, after);
    b_.SetInsertPoint(launch);
    emit_launch(step);
    b_.CreateBr(after);
    b_.SetInsertPoint(after);
  }

  void emit_launch(const Step& step) {
    const loop::Kernel& kernel = program_.kernels.at(step.kernel);
    if (step.arguments.size() != kernel.arguments.size()) {
      throw InternalError(fmt::format("kernel {} takes {} arguments, its launch has {}", kernel.name,
                                      kernel.arguments.size(), step.arguments.size()));
    }
    const int64_t extent = units_of(kernel);
    if (extent <= 0) return;
    place_arguments(step);
    const auto work = static_cast<int64_t>(std::clamp(kernel.flops + kFlopsAByte * kernel.bytes, 0.0, 1e18));
    const auto number = [&](int64_t value) { return b_.getInt64(static_cast<uint64_t>(value)); };
    b_.CreateCall(parallel_for_type(b_.getContext()), field(offsetof(Context, parallel_for), b_.getPtrTy()),
                  {function_->getArg(0), callee(step.kernel), arguments_, number(extent),
                   number(unit_of(extent, work)), number(work / kThreadWork), b_.getInt64(step.kernel)});
  }

  // From tables: a launch of what merge has put together has thousands, and code for each of them would take
  // the code generator time that grows with their square. Those that move with a loop are placed after.
  void place_arguments(const Step& step) {
    uint64_t placed = 0;
    const auto place = [&](uint64_t i) {
      return b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), arguments_, i);
    };
    std::vector<llvm::Constant*> table;  // of those from `placed` on
    const auto place_table = [&] {
      emit_places(b_, place(placed), slots_, table);
      placed += table.size() / 2;
      table.clear();
    };
    std::vector<std::pair<uint64_t, const loop::Argument*>> moving;
    for (const Part& part : pieces_.parts.at(step.kernel)) {
      for (size_t index : part.arguments) {
        const loop::Argument& argument = step.arguments[index];
        if (std::ranges::any_of(argument.strides, [](int64_t stride) { return stride != 0; }))
          moving.emplace_back(placed + table.size() / 2, &argument);
        const int64_t bytes = argument.offset * loop::size_in_bytes(program_.slots.at(argument.slot).type);
        table.push_back(b_.getInt64(argument.slot));
        table.push_back(b_.getInt64(static_cast<uint64_t>(bytes)));
      }
      if (!part.first_site) continue;
      place_table();
      b_.CreateStore(b_.getInt64(static_cast<uint64_t>(*part.first_site)), place(placed++));
    }
    place_table();
    for (const auto& [i, argument] : moving) b_.CreateStore(address(*argument), place(i));
  }

  llvm::Value* address(const loop::Argument& argument) {
    const loop::Slot& slot = program_.slots.at(argument.slot);
    const int64_t size = loop::size_in_bytes(slot.type);
    llvm::Value* offset = b_.getInt64(static_cast<uint64_t>(argument.offset * size));
    for (size_t depth = 0; depth < argument.strides.size(); ++depth) {
      if (argument.strides[depth] == 0) continue;
      llvm::Value* stride = b_.getInt64(static_cast<uint64_t>(argument.strides[depth] * size));
      offset = b_.CreateAdd(offset, b_.CreateMul(loops_.at(depth), stride));
    }
    llvm::Value* start =
        b_.CreateLoad(b_.getPtrTy(), b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), slots_, argument.slot));
    return b_.CreateInBoundsGEP(b_.getInt8Ty(), start, offset);
  }

  llvm::Module& module_;
  const loop::Program& program_;
  const Pieces& pieces_;
  const std::vector<std::string>& symbols_;
  Builder b_;
  std::unordered_map<size_t, llvm::Function*> dispatchers_;  // by kernel
  llvm::Function* function_;
  llvm::Value* arguments_;
  llvm::Value* slots_;
  std::vector<llvm::Value*> loops_;
};

}  // namespace

llvm::FunctionType* kernel_type(llvm::LLVMContext& context) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* number = llvm::Type::getInt64Ty(context);
  return llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, pointer, number, number}, false);
}

llvm::FunctionType* parallel_for_type(llvm::LLVMContext& context) {
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* number = llvm::Type::getInt64Ty(context);
  return llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                 {pointer, pointer, pointer, number, number, number, number}, false);
}

std::string kernel_symbol(size_t number, const loop::Kernel& kernel) {
  std::string symbol = fmt::format("kernel{}.", number);
  for (char c : kernel.name.substr(0, 60))
    symbol += std::isalnum(static_cast<unsigned char>(c)) || c == '.' ? c : '_';
  return symbol;
}

int64_t emit_piece(llvm::Module& module, const Piece& piece, const std::string& symbol,
                   const loop::Target& target) {
  KernelEmitter emitter(module, piece, symbol + ".body", target.has_masks);
  emit_wrapper(module, symbol, emitter.emit(), piece);
  return emitter.scratch_bytes();
}

uint64_t most_arguments(const std::vector<Step>& steps, const Pieces& pieces) {
  uint64_t most = 1;
  for (const Step& step : steps) {
    uint64_t needed = most_arguments(step.body, pieces);
    if (step.kind == Step::Kind::launch) {
      for (const Part& part : pieces.parts.at(step.kernel)) needed += part.words();
    }
    most = std::max(most, needed);
  }
  return most;
}

llvm::Function* emit_entry(llvm::Module& module, const loop::Program& program, const Pieces& pieces,
                           const std::vector<std::string>& symbols, const std::string& symbol) {
  return EntryEmitter(module, program, pieces, symbols, symbol).function();
}

llvm::Function* address_placer(llvm::Module& module) {
  constexpr const char* kName = "place_addresses";
  if (llvm::Function* known = module.getFunction(kName)) return known;
  Builder b(module.getContext());
  llvm::Type *pointer = b.getPtrTy(), *number = b.getInt64Ty();
  auto* placer = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, pointer, number}, false),
      llvm::Function::InternalLinkage, kName, module);
  placer->setDoesNotThrow();
  const auto new_block = [&](const char* name) {
    return llvm::BasicBlock::Create(b.getContext(), name, placer);
  };
  llvm::BasicBlock *entry = new_block("entry"), *body = new_block("loop"), *after = new_block("done");
  b.SetInsertPoint(entry);
  b.CreateBr(body);
  b.SetInsertPoint(body);
  llvm::PHINode* i = b.CreatePHI(number, 2);
  i->addIncoming(b.getInt64(0), entry);
  llvm::Value* row = b.CreateInBoundsGEP(number, placer->getArg(2), b.CreateShl(i, 1));
  llvm::Value* start_number = b.CreateLoad(number, row);
  llvm::Value* bytes = b.CreateLoad(number, b.CreateConstInBoundsGEP1_64(number, row, 1));
  llvm::Value* start = b.CreateLoad(pointer, b.CreateInBoundsGEP(pointer, placer->getArg(1), start_number));
  b.CreateStore(b.CreateInBoundsGEP(b.getInt8Ty(), start, bytes),
                b.CreateInBoundsGEP(pointer, placer->getArg(0), i));
  llvm::Value* next = b.CreateAdd(i, b.getInt64(1));
  i->addIncoming(next, body);
  b.CreateCondBr(b.CreateICmpULT(next, placer->getArg(3)), body, after);
  b.SetInsertPoint(after);
  b.CreateRetVoid();
  return placer;
}

void emit_places(Builder& b, llvm::Value* addresses, llvm::Value* starts,
                 const std::vector<llvm::Constant*>& table) {
  if (table.empty()) return;
  llvm::Module& module = *b.GetInsertBlock()->getModule();
  auto* type = llvm::ArrayType::get(b.getInt64Ty(), table.size());
  auto* global = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::PrivateLinkage,
                                          llvm::ConstantArray::get(type, table), "places");
  b.CreateCall(address_placer(module), {addresses, starts, global, b.getInt64(table.size() / 2)});
}

void verify(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (llvm::verifyModule(module, &stream))
    throw InternalError("the code made for a program is not valid: " + text);
}

}  // namespace sinter::cpu
