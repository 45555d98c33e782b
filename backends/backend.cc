#include "backends/backend.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/library.h"
#include "ir/error.h"

namespace sinter::backends {

std::string Device::text(const Source&, std::string_view kind) const {
  throw GraphError(fmt::format("this device has no code to show as {}", kind));
}

std::vector<LibraryFile> Device::compile_library(const Library& library) const {
  throw GraphError(fmt::format("'{}' cannot be exported: what this device runs needs Sinter", library.name));
}

std::optional<NonFiniteResult> Device::first_non_finite(const graph::Module&, std::string_view,
                                                        const RepeatedCall&,
                                                        const std::unordered_set<const graph::Op*>&) const {
  throw InternalError("this device does not execute ops one by one");
}

namespace {

#define SINTER_DTYPE(enumerator, text, bytes, kind)                                                       \
  static_assert(                                                                                          \
      static_cast<uint8_t>(graph::DType::enumerator) == static_cast<uint8_t>(runtime::DType::enumerator), \
      "the two type tables differ");
#include "ir/graph/types.def"
#undef SINTER_DTYPE

}  // namespace

runtime::TensorSpec to_spec(const std::string& name, const graph::TensorType& type) {
  return {name, static_cast<runtime::DType>(type.dtype), type.shape};
}

std::vector<runtime::TensorSpec> to_specs(const std::vector<graph::State>& states) {
  std::vector<runtime::TensorSpec> specs;
  for (const graph::State& state : states) specs.push_back(to_spec(state.name, state.type));
  return specs;
}

namespace {

runtime::Slot to_slot(const loop::Slot& slot) {
  const auto kind = [&] {
    switch (slot.kind) {
      case loop::Slot::Kind::input:
        return runtime::Slot::Kind::input;
      case loop::Slot::Kind::output:
        return runtime::Slot::Kind::output;
      case loop::Slot::Kind::state:
        return runtime::Slot::Kind::state;
      case loop::Slot::Kind::arena:
        return runtime::Slot::Kind::arena;
      case loop::Slot::Kind::constant:
        return runtime::Slot::Kind::constant;
    }
    throw InternalError("unknown kind of slot");
  };
  return {kind(), static_cast<size_t>(slot.ordinal), slot.offset, slot.bytes(), slot.data};
}

runtime::FaultSite to_fault_site(const loop::FaultSite& site) {
  using Kind = runtime::FaultSite::Kind;
  return {site.kind == loop::FaultSite::Kind::index ? Kind::index : Kind::finite,
          site.op,
          site.subject,
          site.shape,
          site.bound,
          site.location};
}

runtime::KernelInfo to_info(const std::string& function, const loop::Kernel& kernel) {
  runtime::KernelInfo info{function, kernel.name, {}, kernel.flops, kernel.bytes};
  for (const std::string& note : kernel.notes) {
    const size_t space = note.find(' ');  // behind the op
    if (space == std::string::npos) continue;
    const std::string source = note.substr(space + 1);
    if (std::find(info.sources.begin(), info.sources.end(), source) == info.sources.end())
      info.sources.push_back(source);
  }
  return info;
}

}  // namespace

runtime::ProgramLayout to_layout(const loop::Program& program) {
  runtime::ProgramLayout layout;
  layout.name = program.name;
  for (const auto& [name, type] : program.inputs) layout.inputs.push_back(to_spec(name, type));
  for (const auto& [name, type] : program.outputs) layout.outputs.push_back(to_spec(name, type));
  for (const loop::Slot& slot : program.slots) layout.slots.push_back(to_slot(slot));
  for (const loop::FaultSite& site : program.faults) layout.faults.push_back(to_fault_site(site));
  for (const loop::Kernel& kernel : program.kernels) {
    layout.infos.push_back(to_info(program.name, kernel));
    layout.infos.back().number = layout.infos.size() - 1;
  }
  layout.arena_bytes = program.arena_bytes;
  return layout;
}

runtime::Collective to_collective(const loop::Collective& collective) {
  using Kind = runtime::Collective::Kind;
  runtime::Collective result;
  result.kind = collective.op == graph::OpCode::all_reduce       ? Kind::all_reduce
                : collective.op == graph::OpCode::reduce_scatter ? Kind::reduce_scatter
                                                                 : Kind::all_gather;
  result.fold = collective.fold == "max"   ? runtime::Fold::max
                : collective.fold == "min" ? runtime::Fold::min
                                           : runtime::Fold::sum;
  result.leaves = collective.leaves;
  for (const loop::Collective::Part& part : collective.parts)
    result.parts.push_back(
        {static_cast<runtime::DType>(part.dtype), part.elements, static_cast<int>(part.owner)});
  return result;
}

std::vector<runtime::Meeting> to_meetings(const loop::Program& program) {
  const auto place_of = [&](const loop::Argument& argument) -> runtime::Meeting::Place {
    if (argument.slot == loop::Argument::kNone) return {};
    return {argument.slot, argument.offset * loop::size_in_bytes(program.slots[argument.slot].type)};
  };
  std::vector<runtime::Meeting> meetings;
  for (const loop::Collective& collective : program.collectives) {
    meetings.push_back({to_collective(collective),
                        static_cast<int>(collective.rank),
                        static_cast<int>(collective.ranks),
                        {},
                        {}});
  }
  for (const loop::Step& step : program.steps) {  // none begins in a loop
    if (step.kind != loop::Step::Kind::begin) continue;
    runtime::Meeting& meeting = meetings[step.collective];
    const size_t parts = meeting.collective.parts.size();
    for (size_t i = 0; i < step.arguments.size(); ++i)
      (i < parts ? meeting.operands : meeting.results).push_back(place_of(step.arguments[i]));
  }
  return meetings;
}

void check_alone(const loop::Program& program) {
  if (program.collectives.empty()) return;
  throw GraphError(
      fmt::format("'{}' is made for rank {} of {}, and what is exported runs alone; export it "
                  "from a program without a communicator",
                  program.name, program.collectives[0].rank, program.collectives[0].ranks));
}

}  // namespace sinter::backends
