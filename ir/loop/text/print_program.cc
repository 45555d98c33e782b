#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/loop/program.h"
#include "ir/loop/text/print_stmt.h"

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

std::string location_text(const std::string& location) {
  return location.empty() ? "" : " (" + location + ")";
}

std::string hexadecimal(const std::vector<std::byte>& data) {
  std::string out = "0x";
  for (const std::byte byte : data) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<int>(byte));
  return out;
}

// "input 0: f32[640] x".
std::string slot_text(const Slot& slot) {
  const std::string what =
      fmt::format("{}[{}] {}", loop::name(slot.type), slot.elements, quoted_unless_word(slot.name));
  switch (slot.kind) {
    case Slot::Kind::arena:
      return fmt::format("arena at {}: {} in steps {}..{}{}", slot.offset, what, slot.first_step,
                         slot.last_step, location_text(slot.origin));
    case Slot::Kind::constant:
      return fmt::format("constant: {} = {}", what, hexadecimal(slot.data));
    default:
      return fmt::format("{} {}: {}", name(slot.kind), slot.ordinal, what);
  }
}

// "slot 3 + 640", moved inside loops: "slot 3 + 640 + 64*l0".
std::string argument_text(const Argument& argument) {
  if (argument.slot == Argument::kNone) return "none";
  std::string out = fmt::format("slot {}", argument.slot);
  if (argument.offset != 0) out += fmt::format(" + {}", argument.offset);
  for (size_t depth = 0; depth < argument.strides.size(); ++depth) {
    if (argument.strides[depth] != 0) out += fmt::format(" + {}*l{}", argument.strides[depth], depth);
  }
  return out;
}

// "all_reduce as rank 0 of 2: f32[12], f32[4] by sum of 4 leaves in 1 pieces".
std::string collective_text(const Collective& collective) {
  std::vector<std::string> parts;
  for (const Collective::Part& part : collective.parts) {
    parts.push_back(fmt::format("{}[{}]", graph::name(part.dtype), part.elements));
    if (collective.op != graph::OpCode::all_reduce) parts.back() += fmt::format(" of {}", part.owner);
  }
  std::string out = fmt::format("{} as rank {} of {}: {}", graph::name(collective.op), collective.rank,
                                collective.ranks, fmt::join(parts, ", "));
  if (collective.op != graph::OpCode::all_gather) {
    out += fmt::format(" by {} of {} leaves in {} pieces", collective.fold, collective.leaves,
                       collective.pieces);
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
      } else if (step.kind == Step::Kind::begin) {
        out += fmt::format("begin {}({})\n", step.collective, arguments(step));
      } else if (step.kind == Step::Kind::end) {
        out += fmt::format("end {}\n", step.collective);
      } else {
        const std::string range =
            step.reverse ? fmt::format("0..{} falling", step.count) : fmt::format("0..{}", step.count);
        out += fmt::format("repeat l{} in {}:\n{}", depth, range, indented(print(step.body, depth + 1)));
      }
    }
    return out;
  }

 private:
  static std::string arguments(const Step& step) {
    std::vector<std::string> arguments;
    for (const Argument& argument : step.arguments) arguments.push_back(argument_text(argument));
    return fmt::format("{}", fmt::join(arguments, ", "));
  }

  std::string launch(const Step& step) const {
    return fmt::format("launch {} {}({}){}\n", step.kernel,
                       quoted_unless_word(program_.kernels.at(step.kernel).name), arguments(step),
                       step.writes_state ? " unless faulted" : "");
  }

  const Program& program_;
};

std::string fault_text(const FaultSite& site) {
  const std::string subject =
      fmt::format("{}[{}]", quoted_unless_word(site.subject), fmt::join(site.shape, ","));
  const std::string holds = site.kind == FaultSite::Kind::finite
                                ? fmt::format("{} is finite", subject)
                                : fmt::format("0 <= {} < {}", subject, site.bound);
  return fmt::format("{}: {}{}", site.op, holds, location_text(site.location));
}

std::string parameter_text(const BufferRef& ref, const Names& names) {
  const Buffer& buffer = *ref;
  const std::string alignment =
      buffer.alignment == Buffer().alignment ? "" : fmt::format(" align {}", buffer.alignment);
  return fmt::format("{}{}: {}[{}]{}", buffer.written ? "out " : "", names.of(ref), name(buffer.type),
                     buffer.size, alignment);
}

// `number`: which of a program's kernels.
std::string print(const Kernel& kernel, const std::string& number) {
  Names names;
  std::vector<std::string> arguments;
  for (const BufferRef& buffer : kernel.arguments) {
    names.bind(buffer);
    arguments.push_back(parameter_text(buffer, names));
  }
  std::string out;
  for (const std::string& reason : kernel.apart) out += "// apart: " + reason + "\n";
  for (const std::string& note : kernel.notes) out += "// " + note + "\n";
  out += fmt::format("kernel {}{}({})", number, quoted_unless_word(kernel.name), fmt::join(arguments, ", "));
  if (!kernel.anchor.empty())
    out += fmt::format(" as {}, {} flops, {} bytes", kernel.anchor, kernel.flops, kernel.bytes);
  out += ":\n";
  for (const Stmt& part : kernel.parts) {
    std::string text = print(part, names);
    if (text.empty()) text = "pass\n";
    out += kernel.parts.size() == 1 ? indented(text) : "  part:\n" + indented(indented(text));
  }
  return out;
}

}  // namespace

std::string print(const Kernel& kernel) {
  return print(kernel, "");
}

std::string print(const Program& program) {
  std::string out =
      fmt::format("program {}: arena of {} bytes\n", quoted_unless_word(program.name), program.arena_bytes);
  for (const Signature& input : program.inputs)
    out += fmt::format("  input {}: {}\n", quoted_unless_word(input.name), graph::to_string(input.type));
  for (const Signature& output : program.outputs)
    out += fmt::format("  output {}: {}\n", quoted_unless_word(output.name), graph::to_string(output.type));
  for (size_t i = 0; i < program.slots.size(); ++i)
    out += fmt::format("  slot {}: {}\n", i, slot_text(program.slots[i]));
  for (size_t i = 0; i < program.faults.size(); ++i)
    out += fmt::format("  fault {}: {}\n", i, fault_text(program.faults[i]));
  for (size_t i = 0; i < program.collectives.size(); ++i)
    out += fmt::format("  collective {}: {}\n", i, collective_text(program.collectives[i]));
  out += indented(StepPrinter(program).print(program.steps, 0));
  for (size_t i = 0; i < program.kernels.size(); ++i)
    out += "\n" + print(program.kernels[i], fmt::format("{} ", i));
  return out;
}

}  // namespace sinter::loop
