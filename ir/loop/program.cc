#include "ir/loop/program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sinter::loop {
namespace {

std::string_view name(Slot::Kind kind) {
  switch (kind) {
    case Slot::Kind::input:
      return "input";
    case Slot::Kind::output:
      return "output";
    case Slot::Kind::state:
      return "state";
    case Slot::Kind::arena:
      return "arena";
    case Slot::Kind::constant:
      return "constant";
  }
  return "";
}

std::string indented(const std::string& text) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    out += "  " + text.substr(begin, end - begin + 1);
    begin = end + 1;
  }
  return out;
}

// "input 0: f32[640] x".
std::string slot_text(const Slot& slot) {
  std::string place;
  if (slot.kind == Slot::Kind::arena) place = fmt::format(" at {}", slot.offset);
  if (slot.kind != Slot::Kind::arena && slot.kind != Slot::Kind::constant)
    place = fmt::format(" {}", slot.ordinal);
  return fmt::format("{}{}: {}[{}] {}", name(slot.kind), place, loop::name(slot.type), slot.elements,
                     slot.name);
}

// "slot 3 + 640", moved inside loops: "slot 3 + 640 + 64*l0".
std::string argument_text(const Argument& argument) {
  std::string out = fmt::format("slot {}", argument.slot);
  if (argument.offset != 0) out += fmt::format(" + {}", argument.offset);
  for (size_t depth = 0; depth < argument.strides.size(); ++depth) {
    if (argument.strides[depth] != 0) out += fmt::format(" + {}*l{}", argument.strides[depth], depth);
  }
  return out;
}

class StepPrinter {
 public:
  explicit StepPrinter(const Program& program) : program_(program) {}

  std::string print(const std::vector<Step>& steps, size_t depth) const {
    std::string out;
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::launch) {
        out += launch(step);
      } else {
        const std::string range =
            step.reverse ? fmt::format("0..{} falling", step.count) : fmt::format("0..{}", step.count);
        out += fmt::format("repeat l{} in {}:\n{}", depth, range, indented(print(step.body, depth + 1)));
      }
    }
    return out;
  }

 private:
  std::string launch(const Step& step) const {
    std::vector<std::string> arguments;
    for (const Argument& argument : step.arguments) arguments.push_back(argument_text(argument));
    return fmt::format("launch {}({}){}\n", program_.kernels.at(step.kernel).name, fmt::join(arguments, ", "),
                       step.writes_state ? " unless faulted" : "");
  }

  const Program& program_;
};

std::string fault_text(const FaultSite& site) {
  if (site.kind == FaultSite::Kind::finite) return fmt::format("{}: {} is finite", site.op, site.subject);
  return fmt::format("{}: 0 <= {} < {}", site.op, site.subject, site.bound);
}

}  // namespace

std::string print(const Kernel& kernel) {
  std::vector<std::string> arguments;
  for (const BufferRef& buffer : kernel.arguments) {
    arguments.push_back(fmt::format("{}{}: {}[{}]", buffer->written ? "out " : "", buffer->name,
                                    name(buffer->type), buffer->size));
  }
  std::string out;
  for (const std::string& note : kernel.notes) out += "// " + note + "\n";
  return out + fmt::format("kernel {}({}):\n{}", kernel.name, fmt::join(arguments, ", "),
                           indented(print(kernel.body)));
}

std::string print(const Program& program) {
  std::string out = fmt::format("program {}: arena of {} bytes\n", program.name, program.arena_bytes);
  for (size_t i = 0; i < program.slots.size(); ++i) {
    out += fmt::format("  slot {}: {}\n", i, slot_text(program.slots[i]));
  }
  for (size_t i = 0; i < program.faults.size(); ++i) {
    const std::string& location = program.faults[i].location;
    out += fmt::format("  fault {}: {}{}\n", i, fault_text(program.faults[i]),
                       location.empty() ? "" : " (" + location + ")");
  }
  out += indented(StepPrinter(program).print(program.steps, 0));
  for (const Kernel& kernel : program.kernels) out += "\n" + print(kernel);
  return out;
}

}  // namespace sinter::loop
