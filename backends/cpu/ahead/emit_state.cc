#include <fmt/format.h>

#include <algorithm>

#include "backends/cpu/ahead/emit_library.h"
#include "ir/error.h"

// What a library does with its state as such.
namespace sinter::cpu {
namespace {

// Where a state's head has the digits of its step, or seed.
struct Digits {
  uint64_t begin, end;
};
Digits digits_of(const std::string& head, std::string_view key) {
  const uint64_t begin = head.find(key) + key.size();
  return {begin, head.find('"', begin)};
}
Digits step_of(const std::string& head) {
  return digits_of(head, "\"step\":\"");
}
Digits seed_of(const std::string& head) {
  return digits_of(head, "\"seed\":\"");
}

}  // namespace

uint64_t state_bytes(const backends::Library& library) {
  uint64_t end = library.head.size();
  for (const backends::Library::State& state : library.states) end = std::max(end, state.begin + state.bytes);
  return end;
}

uint64_t LibraryEmitter::state_begin(const std::string& name) const {
  for (const backends::Library::State& state : library_.states) {
    if (state.spec.name == name) return state.begin;
  }
  throw InternalError(fmt::format("'{}' is no state of {}", name, library_.name));
}

llvm::Value* LibraryEmitter::emit_step(llvm::Value* state) {
  llvm::Value* step = b_.getInt32(0);
  const auto [begin, end] = step_of(library_.head);
  for (uint64_t i = begin; i < end; ++i) {
    llvm::Value* digit = load_field(b_, state, i, b_.getInt8Ty());
    digit = b_.CreateZExt(b_.CreateSub(digit, b_.getInt8('0')), b_.getInt32Ty());
    step = b_.CreateAdd(b_.CreateMul(step, b_.getInt32(10)), digit);
  }
  return step;
}

void LibraryEmitter::emit_next_step(llvm::Value* state, llvm::Value* step) {
  const auto [begin, end] = step_of(library_.head);
  for (uint64_t i = end; i-- > begin;) {
    llvm::Value* digit = b_.CreateTrunc(b_.CreateURem(step, b_.getInt32(10)), b_.getInt8Ty());
    store_field(b_, state, i, b_.CreateAdd(digit, b_.getInt8('0')));
    step = b_.CreateUDiv(step, b_.getInt32(10));
  }
}

// (state, bytes): whether that is a state of this library, whatever its step, seed and values.
void LibraryEmitter::emit_check_state() {
  llvm::Function* function = begin_function("check_state", b_.getInt32Ty(), {b_.getPtrTy(), b_.getInt64Ty()});
  llvm::Value* state = function->getArg(0);
  require(b_.CreateIsNotNull(state), Status::other_state);
  require(b_.CreateICmpEQ(function->getArg(1), number(state_bytes(library_))), Status::other_state);
  llvm::Constant* head = text(library_.head);
  const llvm::FunctionCallee compare =
      module_.getOrInsertFunction("memcmp", b_.getInt32Ty(), b_.getPtrTy(), b_.getPtrTy(), b_.getInt64Ty());
  uint64_t begin = 0;
  const auto compare_until = [&](uint64_t end) {
    llvm::Value* differs = b_.CreateCall(
        compare, {field_address(b_, state, begin), field_address(b_, head, begin), number(end - begin)});
    require(b_.CreateIsNull(differs), Status::other_state);
  };
  for (const auto& [first_digit, end] : {seed_of(library_.head), step_of(library_.head)}) {
    compare_until(first_digit);
    begin = end;
  }
  compare_until(library_.head.size());
  return_status(Status::ok);
}

// (state): makes it one of zeros, at step 0.
void LibraryEmitter::emit_clear_state() {
  llvm::Function* function = begin_function("clear_state", b_.getVoidTy(), {b_.getPtrTy()});
  llvm::Value* state = function->getArg(0);
  const uint64_t head = library_.head.size();
  b_.CreateMemCpy(state, llvm::MaybeAlign(1), text(library_.head), llvm::MaybeAlign(1), head);
  b_.CreateMemSet(field_address(b_, state, head), b_.getInt8(0), state_bytes(library_) - head,
                  llvm::MaybeAlign(1));
  emit_next_step(state, b_.getInt32(0));
  b_.CreateRetVoid();
}

// NAME_states: what each is called, its type, shape, place and size.
void LibraryEmitter::emit_state_table() {
  std::vector<llvm::Constant*> rows;
  for (const backends::Library::State& state : library_.states) {
    std::vector<llvm::Constant*> shape;
    for (int64_t extent : state.spec.shape) shape.push_back(number(static_cast<uint64_t>(extent)));
    if (shape.empty()) shape.push_back(number(0));
    rows.push_back(llvm::ConstantStruct::getAnon(
        {text(state.spec.name), text(std::string(runtime::name(state.spec.dtype))), table(shape, "shape"),
         number(state.spec.shape.size()), number(state.begin), number(state.bytes)}));
  }
  llvm::GlobalVariable* states = table(rows, "states");
  states->setLinkage(llvm::GlobalValue::ExternalLinkage);
  states->setName(library_.name + "_states");
  exported_.push_back(states);
}

}  // namespace sinter::cpu
