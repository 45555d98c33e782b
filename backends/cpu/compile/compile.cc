#include "backends/cpu/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "backends/backend.h"
#include "backends/cpu/compile/codegen.h"
#include "backends/cpu/compile/emit_program.h"
#include "backends/cpu/compile/jit.h"
#include "ir/error.h"

namespace sinter::cpu {
namespace {

// Kernels below which another thread to compile on costs more than it brings.
constexpr size_t kKernelsAThread = 4;

Slot::Kind slot_kind(loop::Slot::Kind kind) {
  switch (kind) {
    case loop::Slot::Kind::input:
      return Slot::Kind::input;
    case loop::Slot::Kind::output:
      return Slot::Kind::output;
    case loop::Slot::Kind::state:
      return Slot::Kind::state;
    case loop::Slot::Kind::arena:
      return Slot::Kind::arena;
    case loop::Slot::Kind::constant:
      return Slot::Kind::constant;
  }
  throw InternalError("unknown kind of slot");
}

Slot slot_image(const loop::Slot& slot) {
  return {slot_kind(slot.kind), static_cast<size_t>(slot.ordinal), static_cast<size_t>(slot.offset),
          slot.data};
}

FaultSite fault_image(const loop::FaultSite& site) {
  const bool is_index = site.kind == loop::FaultSite::Kind::index;
  return {is_index ? FaultSite::Kind::index : FaultSite::Kind::finite,
          site.op,
          site.subject,
          site.shape,
          site.bound,
          site.location};
}

std::vector<std::string> compile_modules(const std::vector<EmittedModule>& modules) {
  std::vector<std::future<std::string>> others;
  for (size_t i = 1; i < modules.size(); ++i) {
    others.push_back(
        std::async(std::launch::async, [&, i] { return compile_to_object(*modules[i].module); }));
  }
  std::vector<std::string> objects = {compile_to_object(*modules[0].module)};
  for (auto& object : others) objects.push_back(object.get());
  return objects;
}

void check_host(const loop::Target& target) {
  if (const loop::Target host = host_target(); target.description != host.description) {
    throw InternalError(fmt::format("code for '{}' is wanted on '{}'", target.description, host.description));
  }
}

}  // namespace

Image compile(const loop::Program& program, int threads) {
  const size_t parts =
      std::clamp<size_t>(program.kernels.size() / kKernelsAThread, 1, static_cast<size_t>(threads));
  const EmittedProgram emitted = emit_program(program, parts);
  LoadedCode loaded = load_objects(compile_modules(emitted.modules), emitted.entry);
  Image image;
  for (const auto& [name, type] : program.inputs) image.inputs.push_back(backends::to_spec(name, type));
  for (const auto& [name, type] : program.outputs) image.outputs.push_back(backends::to_spec(name, type));
  for (const loop::Slot& slot : program.slots) image.slots.push_back(slot_image(slot));
  for (const loop::FaultSite& site : program.faults) image.faults.push_back(fault_image(site));
  image.name = program.name;
  image.kernels = backends::to_infos(program);
  image.arena_bytes = static_cast<size_t>(program.arena_bytes);
  image.scratch_bytes = static_cast<size_t>(emitted.scratch_bytes);
  image.entry = reinterpret_cast<Entry>(loaded.entry);
  image.code = std::move(loaded.code);
  return image;
}

std::string emit_llvm(const loop::Program& program, const loop::Target& target) {
  check_host(target);
  return print(*emit_program(program, 1).modules[0].module);
}

std::string emit_asm(const loop::Program& program, const loop::Target& target) {
  check_host(target);
  const EmittedProgram emitted = emit_program(program, 1);
  return compile_to_assembly(*emitted.modules[0].module);
}

}  // namespace sinter::cpu
