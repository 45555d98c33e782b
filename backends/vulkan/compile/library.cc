#include "backends/vulkan/compile/library.h"

#include <algorithm>

#include "backends/vulkan/compile/compile.h"
#include "backends/vulkan/compile/shader_needs.h"
#include "backends/vulkan/player/program_file.h"
#include "ir/error.h"
#include "ir/loop/iterations.h"

namespace sinter::vulkan {
namespace {

void raise(int64_t& need, int64_t to) {
  need = std::max(need, to);
}

void add_needs(const Image& image, const loop::Program& program, const loop::Target& target, Needs& needs) {
  for (const loop::Kernel& kernel : program.kernels) raise(needs.iterations, loop::most_iterations(kernel));
  for (const Kernel& kernel : image.kernels) {
    add_needs(kernel.spirv, target.subgroup_size, needs);
    const auto storage = std::ranges::count(kernel.views, View::Kind::storage, &View::kind);
    const auto views = static_cast<int64_t>(kernel.views.size());
    raise(needs.buffers, storage + (kernel.reads_call ? 1 : 0) + (kernel.uses_faults ? 1 : 0));
    raise(needs.texel_buffers, views - storage);
  }
  for (const Launch& launch : image.launches) {
    for (const Dispatch& dispatch : launch.dispatches) {
      raise(needs.groups, dispatch.groups[0]);
      raise(needs.more_groups, dispatch.groups[1]);
    }
    for (const Binding& binding : launch.bindings) raise(needs.buffer_bytes, image.slots[binding.slot].bytes);
  }
  if (needs.texel_buffers > 0) raise(needs.texels, needs.buffer_bytes / 4);
  needs.alignment = target.buffer_alignment;
}

// States have their places in the library, not in the module that the function is from.
void place_states(const loop::Program& program, const backends::Library& library, Image& image) {
  for (size_t i = 0; i < image.slots.size(); ++i) {
    runtime::Slot& slot = image.slots[i];
    if (slot.kind != runtime::Slot::Kind::state) continue;
    const auto found = std::ranges::find(library.states, program.slots[i].name,
                                         [](const auto& state) { return state.spec.name; });
    if (found == library.states.end()) throw InternalError("no state is called " + program.slots[i].name);
    slot.ordinal = static_cast<size_t>(found - library.states.begin());
  }
}

}  // namespace

std::vector<backends::LibraryFile> compile_library(const backends::Library& library,
                                                   const loop::Target& target, const ShaderFeatures& features,
                                                   runtime::DiskCache& cache) {
  ProgramFile file;
  file.seed = library.seed;
  for (const backends::Library::State& state : library.states) file.states.push_back(state.spec);
  for (const backends::Library::Entry& entry : library.entries) {
    const loop::Program program = entry.source.lower(target);
    backends::check_alone(program);
    Image image = compile(program, target, features, cache);
    add_needs(image, program, target, file.needs);
    place_states(program, library, image);
    file.functions.push_back(
        {{entry.name, entry.of, entry.sizes, !entry.writes.empty(), entry.rows}, std::move(image)});
  }
  return {{".sinter", to_bytes(file)}};
}

}  // namespace sinter::vulkan
