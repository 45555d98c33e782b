#include "backends/cpu/ahead/emit_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "backends/cpu/compile/emit_program.h"
#include "backends/cpu/compile/emitter.h"
#include "backends/cpu/compile/pieces.h"

namespace sinter::cpu {
namespace {

using loop::Slot;

// What the slots of a program lie in: these, and then its inputs and outputs.
enum Start : uint64_t { kArena, kConstants, kState, kCallers };

constexpr uint64_t kCallStackBytes = 16 << 10;  // besides local buffers and arguments

constexpr uint64_t whole_lines(uint64_t bytes) {
  return (bytes + kCallersAlignment - 1) / kCallersAlignment * kCallersAlignment;
}

}  // namespace

LibraryEmitter::LibraryEmitter(llvm::Module& module, const backends::Library& library,
                               const std::vector<loop::Program>& programs, const Machine& machine)
    : module_(module),
      b_(module.getContext()),
      library_(library),
      programs_(programs),
      machine_(machine),
      support_(module, llvm::Triple(machine.triple)) {
  emit_kernels();
  emit_constants();
}

uint64_t LibraryEmitter::arena_bytes(size_t entry) const {
  const loop::Program& program = programs_[entry];
  return whole_lines(static_cast<uint64_t>(program.arena_bytes)) +
         whole_lines(program.slots.size() * sizeof(void*));
}

// Of all programs before what runs them, whose functions take names of their own.
void LibraryEmitter::emit_kernels() {
  std::map<std::string, std::string> symbols;  // of pieces that are there, by identity
  std::vector<Pieces> cuts;
  std::vector<std::vector<std::string>> symbols_of;
  for (const loop::Program& program : programs_) {
    const Pieces& pieces = cuts.emplace_back(cut(program));
    std::vector<std::string>& own = symbols_of.emplace_back();
    for (const Piece& piece : pieces.pieces) {
      const auto [known, is_new] = symbols.try_emplace(identity(piece));
      if (is_new) {
        known->second = kernel_symbol(symbols.size() - 1, piece.kernel);
        const int64_t scratch = emit_piece(module_, piece, known->second, machine_.target);
        thread_bytes_ = std::max(thread_bytes_, whole_lines(static_cast<uint64_t>(scratch)));
      }
      own.push_back(known->second);
    }
  }
  uint64_t arguments = 0;
  for (size_t i = 0; i < programs_.size(); ++i) {
    entries_.push_back(
        emit_entry(module_, programs_[i], cuts[i], symbols_of[i], "steps." + programs_[i].name));
    arguments = std::max(arguments, most_arguments(programs_[i].steps, cuts[i]));
  }
  stack_bytes_ = static_cast<uint64_t>(kKernelStackBytes) + arguments * sizeof(void*) + kCallStackBytes;
  scratch_ = support_.scratch(static_cast<int64_t>(thread_bytes_));
}

// Those of equal bytes once.
void LibraryEmitter::emit_constants() {
  std::map<std::vector<std::byte>, uint64_t> known;
  std::string bytes;
  for (const loop::Program& program : programs_) {
    std::vector<uint64_t>& places = constant_places_.emplace_back();
    for (const Slot& slot : program.slots) {
      places.push_back(0);
      if (slot.kind != Slot::Kind::constant) continue;
      const auto [place, is_new] = known.try_emplace(slot.data, bytes.size());
      places.back() = place->second;
      if (!is_new) continue;
      bytes.append(reinterpret_cast<const char*>(slot.data.data()), slot.data.size());
      bytes.resize(whole_lines(bytes.size()));
    }
  }
  llvm::Constant* data = llvm::ConstantDataArray::getString(b_.getContext(), bytes, false);
  auto* global = new llvm::GlobalVariable(module_, data->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                          data, "constants");
  global->setAlignment(llvm::Align(kCallersAlignment));
  constants_ = global;
}

llvm::Function* LibraryEmitter::begin_function(const std::string& name, llvm::Type* result,
                                               const std::vector<llvm::Type*>& parameters) {
  auto* function =
      llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                             llvm::Function::ExternalLinkage, library_.name + "_" + name, module_);
  function->setDoesNotThrow();
  exported_.push_back(function);
  b_.SetInsertPoint(llvm::BasicBlock::Create(b_.getContext(), "entry", function));
  return function;
}

void LibraryEmitter::require(llvm::Value* holds, Status status) {
  llvm::BasicBlock *fails = new_block("fails"), *goes_on = new_block("holds");
  b_.CreateCondBr(holds, goes_on, fails);
  b_.SetInsertPoint(fails);
  return_status(status);
  b_.SetInsertPoint(goes_on);
}

llvm::GlobalVariable* LibraryEmitter::table(const std::vector<llvm::Constant*>& rows, const char* name) {
  auto* type = llvm::ArrayType::get(rows.at(0)->getType(), rows.size());
  return new llvm::GlobalVariable(module_, type, true, llvm::GlobalValue::PrivateLinkage,
                                  llvm::ConstantArray::get(type, rows), name);
}

void LibraryEmitter::emit_functions(uint64_t interface) {
  for (size_t i = 0; i < programs_.size(); ++i) emit_function(i, interface);
  if (!library_.states.empty()) {
    emit_check_state();
    emit_clear_state();
    emit_state_table();
  }
  hide_all_but(exported_);
}

llvm::Value* LibraryEmitter::emit_needed_bytes(size_t entry, llvm::Value* callers) {
  llvm::Value* parallel_for = load_field(b_, callers, offsetof(CallersContext, parallel_for), b_.getPtrTy());
  llvm::Value* given = load_field(b_, callers, offsetof(CallersContext, threads), b_.getInt32Ty());
  given = b_.CreateSelect(b_.CreateIsNull(parallel_for), b_.getInt32(1), given);
  given = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, given, b_.getInt32(1));
  return b_.CreateAdd(number(arena_bytes(entry)),
                      b_.CreateMul(b_.CreateZExt(given, b_.getInt64Ty()), number(thread_bytes_)));
}

// (context, inputs, outputs): checks what it is called with, tells where each slot lies, runs the steps, and
// counts the call or says what failed.
void LibraryEmitter::emit_function(size_t entry, uint64_t interface) {
  const loop::Program& program = programs_[entry];
  const backends::Library::Entry& of_library = library_.entries[entry];
  const size_t inputs = program.inputs.size(), outputs = program.outputs.size();
  llvm::Function* function = begin_function(of_library.name, b_.getInt32Ty(),
                                            std::vector<llvm::Type*>(1 + inputs + outputs, b_.getPtrTy()));
  llvm::Value* callers = function->getArg(0);
  const auto pointer = [&](size_t offset) { return load_field(b_, callers, offset, b_.getPtrTy()); };
  const auto is_aligned = [&](llvm::Value* address) {
    llvm::Value* as_number = b_.CreatePtrToInt(address, b_.getInt64Ty());
    return b_.CreateIsNull(b_.CreateAnd(as_number, number(kCallersAlignment - 1)));
  };

  llvm::Value* theirs = load_field(b_, callers, offsetof(CallersContext, interface), b_.getInt64Ty());
  require(b_.CreateICmpEQ(theirs, number(interface)), Status::other_header);
  llvm::Value* state = pointer(offsetof(CallersContext, state));
  const bool uses_state = !of_library.reads.empty() || !of_library.writes.empty();
  if (uses_state) {
    require(is_aligned(state), Status::misaligned);
    require(b_.CreateIsNotNull(state), Status::other_state);
    // The length of the header: most of what is no state of this library has another.
    uint64_t length = library_.head.size() - sizeof(uint64_t);
    require(b_.CreateICmpEQ(b_.CreateLoad(b_.getInt64Ty(), state), number(length)), Status::other_state);
  }
  llvm::Value* arena = pointer(offsetof(CallersContext, arena));
  llvm::Value* given = load_field(b_, callers, offsetof(CallersContext, arena_bytes), b_.getInt64Ty());
  require(b_.CreateICmpUGE(given, emit_needed_bytes(entry, callers)), Status::small_arena);
  require(is_aligned(arena), Status::misaligned);

  llvm::AllocaInst* running =
      b_.CreateAlloca(llvm::ArrayType::get(b_.getInt64Ty(), sizeof(Running) / sizeof(uint64_t)));
  running->setAlignment(llvm::Align(alignof(Running)));
  llvm::AllocaInst* starts = b_.CreateAlloca(b_.getPtrTy(), number(kCallers + inputs + outputs));
  const auto set_start = [&](uint64_t i, llvm::Value* start) {
    b_.CreateStore(start, b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), starts, i));
  };
  set_start(kArena, arena);
  set_start(kConstants, constants_);
  set_start(kState, state);
  for (size_t i = 0; i < inputs + outputs; ++i)
    set_start(kCallers + i, function->getArg(static_cast<unsigned>(1 + i)));

  std::vector<llvm::Constant*> places;
  for (size_t i = 0; i < program.slots.size(); ++i) {
    const Slot& slot = program.slots[i];
    const auto ordinal = static_cast<uint64_t>(slot.ordinal);
    const auto add = [&](uint64_t start, uint64_t bytes) {
      places.push_back(number(start));
      places.push_back(number(bytes));
    };
    switch (slot.kind) {
      case Slot::Kind::input:
        add(kCallers + ordinal, 0);
        break;
      case Slot::Kind::output:
        add(kCallers + inputs + ordinal, 0);
        break;
      case Slot::Kind::state:
        add(kState, state_begin(slot.name));
        break;
      case Slot::Kind::arena:
        add(kArena, static_cast<uint64_t>(slot.offset));
        break;
      case Slot::Kind::constant:
        add(kConstants, constant_places_[entry][i]);
        break;
    }
  }
  llvm::Value* slots = field_address(b_, arena, whole_lines(static_cast<uint64_t>(program.arena_bytes)));
  emit_places(b_, slots, starts, places);

  const bool writes = !of_library.writes.empty();
  llvm::Value* step =
      writes ? emit_step(state) : load_field(b_, callers, offsetof(CallersContext, call), b_.getInt32Ty());
  const auto set = [&](size_t offset, llvm::Value* value) { store_field(b_, running, offset, value); };
  set(offsetof(Context, slots), slots);
  llvm::Value* seed = load_field(b_, callers, offsetof(CallersContext, seed), b_.getInt64Ty());
  set(offsetof(Context, seed_low), b_.CreateTrunc(seed, b_.getInt32Ty()));
  set(offsetof(Context, seed_high), b_.CreateTrunc(b_.CreateLShr(seed, 32), b_.getInt32Ty()));
  set(offsetof(Context, step), step);
  set(offsetof(Context, fault), b_.getInt32(0));
  set(offsetof(Context, parallel_for), support_.parallel_for());
  set(offsetof(Context, report), support_.report());
  set(offsetof(Context, scratch), scratch_);
  set(offsetof(Running, whole), running);
  set(offsetof(Running, callers), callers);
  set(offsetof(Running, scratch), field_address(b_, arena, arena_bytes(entry)));
  set(offsetof(Running, thread), number(0));
  set(offsetof(Running, lock), b_.getInt32(0));

  llvm::Value* before = support_.emit_float_mode(b_);
  support_.emit_set_float_mode(b_, support_.flushing_mode(b_));
  b_.CreateCall(entries_[entry], {running});
  support_.emit_set_float_mode(b_, before);

  if (!program.faults.empty()) emit_fault(program, callers, running);
  llvm::Value* next = b_.CreateAdd(step, b_.getInt32(1));
  if (writes) {
    emit_next_step(state, next);
  } else {
    store_field(b_, callers, offsetof(CallersContext, call), next);
  }
  return_status(Status::ok);
}

// Returns where a check has failed, and tells the caller which.
void LibraryEmitter::emit_fault(const loop::Program& program, llvm::Value* callers, llvm::Value* running) {
  llvm::BasicBlock *failed = new_block("failed"), *sound = new_block("sound");
  llvm::Value* fault = load_field(b_, running, offsetof(Context, fault), b_.getInt32Ty());
  b_.CreateCondBr(b_.CreateIsNull(fault), sound, failed);
  b_.SetInsertPoint(failed);
  llvm::Constant* sites = sites_of(program);
  constexpr uint64_t kFields = 5;
  llvm::Value* site = b_.CreateMul(load_field(b_, running, offsetof(Running, site), b_.getInt64Ty()),
                                   number(kFields * sizeof(uint64_t)));
  llvm::Value* row = b_.CreateInBoundsGEP(b_.getInt8Ty(), sites, site);
  const auto of_site = [&](uint64_t i, llvm::Type* type) {
    return load_field(b_, row, i * sizeof(uint64_t), type);
  };
  const auto set = [&](size_t offset, llvm::Value* value) {
    store_field(b_, callers, offsetof(CallersContext, fault) + offset, value);
  };
  set(offsetof(CallersFault, check), of_site(0, b_.getPtrTy()));
  set(offsetof(CallersFault, subject), of_site(1, b_.getPtrTy()));
  set(offsetof(CallersFault, where), of_site(2, b_.getPtrTy()));
  set(offsetof(CallersFault, bound), of_site(3, b_.getInt64Ty()));
  set(offsetof(CallersFault, position),
      load_field(b_, running, offsetof(Running, position), b_.getInt64Ty()));
  llvm::Value* bits = load_field(b_, running, offsetof(Running, bits), b_.getInt64Ty());
  llvm::Value* status = of_site(4, b_.getInt64Ty());
  llvm::Value* is_index = b_.CreateICmpEQ(status, number(static_cast<uint64_t>(Status::bad_index)));
  set(offsetof(CallersFault, index), b_.CreateSelect(is_index, bits, number(0)));
  set(offsetof(CallersFault, value), b_.CreateSelect(is_index, number(0), bits));
  b_.CreateRet(b_.CreateTrunc(status, b_.getInt32Ty()));
  b_.SetInsertPoint(sound);
}

// A row for each: check, subject, where, bound, status.
llvm::Constant* LibraryEmitter::sites_of(const loop::Program& program) {
  std::vector<llvm::Constant*> rows;
  for (const loop::FaultSite& site : program.faults) {
    const bool is_index = site.kind == loop::FaultSite::Kind::index;
    rows.push_back(llvm::ConstantStruct::getAnon(
        {text(is_index ? site.op : "finite"), text(site.subject), text(site.location),
         number(static_cast<uint64_t>(site.bound)),
         number(static_cast<uint64_t>(is_index ? Status::bad_index : Status::not_finite))}));
  }
  return table(rows, "sites");
}

// What is not for callers gets names that no other library has, and is seen by none.
void LibraryEmitter::hide_all_but(const std::vector<llvm::GlobalValue*>& exported) {
  for (llvm::Function& function : module_) {
    if (function.isDeclaration() || std::ranges::find(exported, &function) != exported.end()) continue;
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.setName(library_.name + "." + function.getName());
  }
}

}  // namespace sinter::cpu
