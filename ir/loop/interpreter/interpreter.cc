#include "ir/loop/interpreter.h"

#include <fmt/format.h>

#include <deque>
#include <map>

#include "ir/error.h"
#include "ir/loop/interpreter/machine.h"

namespace sinter::loop {
namespace {

using interpreter::Machine;
using interpreter::Routine;

std::vector<Fault> in_order(const std::map<int64_t, Fault>& faults) {
  std::vector<Fault> result;
  for (const auto& [site, fault] : faults) result.push_back(fault);
  return result;
}

class ProgramRun {
 public:
  ProgramRun(const Program& program, std::span<void* const> slots, const Call& call)
      : program_(program), call_(call), arena_(static_cast<size_t>(program.arena_bytes), std::byte{0xff}) {
    if (slots.size() != program.slots.size()) {
      throw InternalError(
          fmt::format("program {} has {} slots, not {}", program.name, program.slots.size(), slots.size()));
    }
    for (const Kernel& kernel : program.kernels) {
      verify(kernel);
      routines_.push_back(interpreter::resolve(kernel));
    }
    for (size_t i = 0; i < slots.size(); ++i) {
      const Slot& slot = program.slots[i];
      if (slot.kind == Slot::Kind::constant) constants_.push_back(slot.data);
      memory_.push_back(slots[i] ? static_cast<std::byte*>(slots[i]) : own_memory(slot));
    }
  }

  std::vector<Fault> run() {
    for (const Step& step : program_.steps) run_step(step);
    return in_order(faults_);
  }

 private:
  std::byte* own_memory(const Slot& slot) {
    if (slot.kind == Slot::Kind::constant) return constants_.back().data();
    if (slot.kind != Slot::Kind::arena) throw InternalError("slot " + slot.name + " has no memory");
    if (slot.offset < 0 || slot.offset + slot.bytes() > program_.arena_bytes) {
      throw InternalError(fmt::format("slot {} lies outside of the arena", slot.name));
    }
    return arena_.data() + slot.offset;
  }

  void run_step(const Step& step) {
    if (step.kind == Step::Kind::launch) return launch(step);
    if (step.kind != Step::Kind::repeat)
      throw GraphError(program_.name + ": what ranks make together takes a device");
    for (int64_t i = 0; i < step.count; ++i) {
      variables_.push_back(step.reverse ? step.count - 1 - i : i);
      for (const Step& inner : step.body) run_step(inner);
      variables_.pop_back();
    }
  }

  void launch(const Step& step) {
    if (step.writes_state && !faults_.empty()) return;
    const Kernel& kernel = program_.kernels.at(step.kernel);
    if (step.arguments.size() != kernel.arguments.size()) {
      throw InternalError(fmt::format("kernel {} takes {} arguments, not {}", kernel.name,
                                      kernel.arguments.size(), step.arguments.size()));
    }
    std::vector<void*> arguments;
    for (size_t i = 0; i < step.arguments.size(); ++i) {
      arguments.push_back(place(kernel, *kernel.arguments[i], step.arguments[i]));
    }
    Machine(kernel, routines_[step.kernel], arguments, call_).run(faults_);
  }

  void* place(const Kernel& kernel, const Buffer& buffer, const Argument& argument) const {
    const Slot& slot = program_.slots.at(argument.slot);
    int64_t offset = argument.offset;
    for (size_t depth = 0; depth < argument.strides.size(); ++depth) {
      offset += argument.strides[depth] * variables_.at(depth);
    }
    const bool fits = offset >= 0 && offset + buffer.size <= slot.elements;
    if (slot.type != buffer.type || !fits) {
      throw InternalError(fmt::format("kernel {}: {}: {}[{}] is bound to elements {}.. of slot {}: {}[{}]",
                                      kernel.name, buffer.name, name(buffer.type), buffer.size, offset,
                                      slot.name, name(slot.type), slot.elements));
    }
    return memory_[argument.slot] + offset * size_in_bytes(slot.type);
  }

  const Program& program_;
  const Call& call_;
  std::vector<std::byte> arena_;
  std::deque<std::vector<std::byte>> constants_;
  std::vector<std::byte*> memory_;
  std::vector<Routine> routines_;
  std::vector<int64_t> variables_;  // of the loops around, the outermost first
  std::map<int64_t, Fault> faults_;
};

}  // namespace

std::vector<Fault> interpret(const Kernel& kernel, std::span<void* const> arguments, const Call& call) {
  verify(kernel);
  if (arguments.size() != kernel.arguments.size()) {
    throw InternalError(fmt::format("kernel {} takes {} arguments, not {}", kernel.name,
                                    kernel.arguments.size(), arguments.size()));
  }
  const Routine routine = interpreter::resolve(kernel);
  std::map<int64_t, Fault> faults;
  Machine(kernel, routine, arguments, call).run(faults);
  return in_order(faults);
}

std::vector<Fault> interpret(const Program& program, std::span<void* const> slots, const Call& call) {
  return ProgramRun(program, slots, call).run();
}

}  // namespace sinter::loop
