#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/loop/program.h"

namespace sinter::loop {
namespace {

constexpr int64_t kMostPieces = int64_t{1} << 31;

class ProgramVerifier {
 public:
  explicit ProgramVerifier(const Program& program) : program_(program) {}

  void run() {
    for (const Kernel& kernel : program_.kernels) loop::verify(kernel);
    for (const Slot& slot : program_.slots) {
      if (slot.kind == Slot::Kind::input) verify_signature(slot, program_.inputs);
      if (slot.kind == Slot::Kind::output) verify_signature(slot, program_.outputs);
    }
    verify(program_.steps);
    if (!begun_.empty()) throw InternalError(fmt::format("{} does not end what it begins", program_.name));
    std::vector<const Slot*> arena;
    for (const Slot& slot : program_.slots) {
      if (slot.kind == Slot::Kind::arena && slot.bytes() > 0) arena.push_back(&slot);
    }
    for (size_t i = 0; i < arena.size(); ++i) {
      const int64_t offset = arena[i]->offset;
      if (offset < 0 || offset > program_.arena_bytes - arena[i]->bytes())
        fail(*arena[i], "is beyond the arena");
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
      } else if (step.kind == Step::Kind::begin) {
        verify_begin(step);
      } else if (step.kind == Step::Kind::end) {
        if (!counts_.empty() || begun_.erase(step.collective) == 0)
          throw InternalError(
              fmt::format("{} ends what it has not begun, or ends it in a loop", program_.name));
      } else if (step.count > 0) {
        counts_.push_back(step.count);
        verify(step.body);
        counts_.pop_back();
      }
    }
  }

  static void verify_signature(const Slot& slot, const std::vector<Signature>& signature) {
    const auto place = static_cast<size_t>(slot.ordinal);
    if (place >= signature.size() || signature[place].type.elements() != slot.elements)
      fail(slot, fmt::format("is not number {} of what a call gives", slot.ordinal));
  }

  void verify_launch(const Step& step) const {
    if (step.kernel >= program_.kernels.size())
      throw InternalError(fmt::format("{} has no kernel {}", program_.name, step.kernel));
    const Kernel& kernel = program_.kernels[step.kernel];
    if (step.arguments.size() != kernel.arguments.size())
      throw InternalError(fmt::format("{} takes {} arguments, got {}", kernel.name, kernel.arguments.size(),
                                      step.arguments.size()));
    for (size_t i = 0; i < step.arguments.size(); ++i) {
      const Argument& argument = step.arguments[i];
      if (argument.slot >= program_.slots.size())
        throw InternalError(fmt::format("{} has no slot {}", program_.name, argument.slot));
      const Slot& slot = program_.slots[argument.slot];
      int64_t begin = argument.offset, end = argument.offset + kernel.arguments[i]->size;
      for (size_t depth = 0; depth < argument.strides.size(); ++depth) {
        const int64_t moved = (counts_.at(depth) - 1) * argument.strides[depth];
        (moved < 0 ? begin : end) += moved;
      }
      if (slot.type != kernel.arguments[i]->type || begin < 0 || end > slot.elements)
        fail(slot, fmt::format("is no place for argument {} of {}", i, kernel.name));
    }
  }

  void verify_begin(const Step& step) {
    if (step.collective >= program_.collectives.size())
      throw InternalError(fmt::format("{} has no collective {}", program_.name, step.collective));
    if (!counts_.empty() || !begun_.insert(step.collective).second)
      throw InternalError(fmt::format("{} begins what is to begin once", program_.name));
    const Collective& collective = program_.collectives[step.collective];
    const size_t parts = collective.parts.size();
    if (collective.pieces < 1 || collective.pieces > kMostPieces)
      throw InternalError(fmt::format("{} has {} pieces of a part", program_.name, collective.pieces));
    if (step.arguments.size() != 2 * parts)
      throw InternalError(fmt::format("{} parts take {} arguments", parts, step.arguments.size()));
    for (size_t i = 0; i < 2 * parts; ++i) {
      const Collective::Part& part = collective.parts[i % parts];
      const Argument& argument = step.arguments[i];
      const bool is_there = i < parts ? collective.gives(part) : collective.gets(part);
      if (is_there != (argument.slot < program_.slots.size()))
        throw InternalError(fmt::format("{} is wrong about who has part {}", program_.name, i % parts));
      if (!is_there) continue;
      const Slot& slot = program_.slots[argument.slot];
      const int64_t pieces = i < parts ? collective.pieces : 1;
      if (slot.type != from_graph(part.dtype) || argument.offset < 0 || argument.offset > slot.elements ||
          part.elements < 0 || part.elements > (slot.elements - argument.offset) / pieces)
        fail(slot, fmt::format("is no place for part {} of what ranks have in common", i % parts));
    }
  }

  static bool overlap(const Slot& a, const Slot& b) {
    return a.first_step <= b.last_step && b.first_step <= a.last_step && a.offset < b.offset + b.bytes() &&
           b.offset < a.offset + a.bytes();
  }

  [[noreturn]] static void fail(const Slot& slot, const std::string& what) {
    throw InternalError(fmt::format("the slot of {} {}", slot.name, what));
  }

  const Program& program_;
  std::vector<int64_t> counts_;  // of the loops around a step
  std::set<size_t> begun_;       // collectives that have not ended
};

}  // namespace

void verify(const Program& program) {
  ProgramVerifier(program).run();
}

}  // namespace sinter::loop
