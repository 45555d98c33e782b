#include "passes/place/verify_places.h"

#include <fmt/format.h>

#include "ir/error.h"

namespace sinter::passes {

using loop::Argument;
using loop::Slot;
using loop::Step;

namespace {

class Verifier {
 public:
  explicit Verifier(const loop::Program& program) : program_(program) {}

  void run() {
    verify(program_.steps);
    std::vector<const Slot*> arena;
    for (const Slot& slot : program_.slots) {
      if (slot.kind == Slot::Kind::arena && slot.bytes() > 0) arena.push_back(&slot);
    }
    for (size_t i = 0; i < arena.size(); ++i) {
      if (arena[i]->offset + arena[i]->bytes() > program_.arena_bytes) fail(*arena[i], "is beyond the arena");
      for (size_t j = 0; j < i; ++j) {
        if (overlap(*arena[i], *arena[j])) fail(*arena[i], "shares memory with " + arena[j]->name);
      }
    }
  }

 private:
  void verify(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::launch) {
        verify_launch(step);
      } else if (step.count > 0) {
        counts_.push_back(step.count);
        verify(step.body);
        counts_.pop_back();
      }
    }
  }

  void verify_launch(const Step& step) const {
    const loop::Kernel& kernel = program_.kernels.at(step.kernel);
    if (step.arguments.size() != kernel.arguments.size())
      throw InternalError(fmt::format("{} takes {} arguments, got {}", kernel.name, kernel.arguments.size(),
                                      step.arguments.size()));
    for (size_t i = 0; i < step.arguments.size(); ++i) {
      const Argument& argument = step.arguments[i];
      const Slot& slot = program_.slots.at(argument.slot);
      int64_t end = argument.offset + kernel.arguments[i]->size;
      for (size_t depth = 0; depth < argument.strides.size(); ++depth)
        end += (counts_.at(depth) - 1) * argument.strides[depth];
      if (slot.type != kernel.arguments[i]->type || end > slot.elements)
        fail(slot, fmt::format("is no place for argument {} of {}", i, kernel.name));
    }
  }

  static bool overlap(const Slot& a, const Slot& b) {
    return a.first_step <= b.last_step && b.first_step <= a.last_step && a.offset < b.offset + b.bytes() &&
           b.offset < a.offset + a.bytes();
  }

  [[noreturn]] static void fail(const Slot& slot, const std::string& what) {
    throw InternalError(fmt::format("the slot of {} {}", slot.name, what));
  }

  const loop::Program& program_;
  std::vector<int64_t> counts_;  // of the loops around a step
};

}  // namespace

void verify_places(const loop::Program& program) {
  Verifier(program).run();
}

}  // namespace sinter::passes
