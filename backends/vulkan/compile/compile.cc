#include "backends/vulkan/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "backends/backend.h"
#include "backends/vulkan/compile/spirv.h"
#include "ir/error.h"
#include "ir/loop/iterations.h"

namespace sinter::vulkan {
namespace {

using loop::Slot;
using loop::Step;

bool does_nothing(const loop::Kernel& kernel) {
  return std::ranges::all_of(kernel.parts, [](const loop::Stmt& part) {
    return part->kind == loop::StmtNode::Kind::block && part->body.empty();
  });
}

// The types of the values that faults report, by site.
void find_fault_types(const loop::Stmt& stmt, std::map<int64_t, loop::Type>& types) {
  if (stmt->kind == loop::StmtNode::Kind::fault && stmt->value) types[stmt->site] = stmt->value->type;
  for (const loop::Stmt& child : stmt->body) find_fault_types(child, types);
}

// What becomes of a shader's text.
using ToSpirv = std::function<std::vector<uint32_t>(const Shader&)>;

class ProgramCompiler {
 public:
  ProgramCompiler(const loop::Program& program, const loop::Target& target, const ShaderFeatures& features,
                  ToSpirv to_spirv)
      : program_(program), target_(target), features_(features), to_spirv_(std::move(to_spirv)) {}

  Image run() {
    for (const Slot& slot : program_.slots) check_size(slot);
    static_cast<runtime::ProgramLayout&>(image_) = backends::to_layout(program_);
    add_fault_types();
    for (const auto kind : {Slot::Kind::input, Slot::Kind::output, Slot::Kind::constant, Slot::Kind::arena})
      check_allocation(kind);
    std::vector<int64_t> iteration;
    add_launches(program_.steps, iteration);
    return std::move(image_);
  }

 private:
  void check_size(const Slot& slot) const {
    if (slot.bytes() > target_.max_buffer_bytes) {
      throw GraphError(
          fmt::format("'{}' has {} bytes; a kernel on this device reaches {} bytes of a tensor at most{}",
                      slot.name, slot.bytes(), target_.max_buffer_bytes, users_of(slot)));
    }
  }

  // What lies in one piece of memory.
  void check_allocation(Slot::Kind kind) const {
    int64_t bytes = kind == Slot::Kind::arena ? program_.arena_bytes : 0;
    const Slot* largest = nullptr;
    for (const Slot& slot : program_.slots) {
      if (slot.kind != kind) continue;
      if (kind != Slot::Kind::arena) bytes += slot.bytes() + target_.buffer_alignment;
      if (largest == nullptr || slot.bytes() > largest->bytes()) largest = &slot;
    }
    if (bytes <= features_.max_allocation) return;
    constexpr const char* kNames[] = {"inputs", "outputs", "state", "intermediate values", "constants"};
    throw GraphError(
        fmt::format("{} of {} bytes; this device gives {} at most in one piece. The largest, '{}', has {}{}",
                    kNames[static_cast<size_t>(kind)], bytes, features_.max_allocation, largest->name,
                    largest->bytes(), users_of(*largest)));
  }

  // The operations that touch a slot, and where they stand in the user's source.
  std::string users_of(const Slot& slot) const {
    const auto index = static_cast<size_t>(&slot - program_.slots.data());
    std::string users;
    const auto visit = [&](const auto& self, const std::vector<Step>& steps) -> void {
      for (const Step& step : steps) {
        self(self, step.body);
        for (const loop::Argument& argument : step.arguments) {
          if (argument.slot != index || !users.empty()) continue;
          for (const std::string& note : program_.kernels[step.kernel].notes) users += ", " + note;
        }
      }
    };
    visit(visit, program_.steps);
    return users;
  }

  static std::string first_note(const loop::Kernel& kernel) {
    return kernel.notes.empty() ? "" : kernel.notes[0];
  }

  void add_fault_types() {
    std::map<int64_t, loop::Type> types;
    for (const loop::Kernel& kernel : program_.kernels) {
      for (const loop::Stmt& part : kernel.parts) find_fault_types(part, types);
    }
    image_.f32_faults.resize(image_.faults.size());
    for (const auto& [site, type] : types)
      image_.f32_faults.at(static_cast<size_t>(site)) = type == loop::Type::f32;
  }

  static int64_t moved_by(const loop::Argument& argument, const std::vector<int64_t>& iteration) {
    int64_t offset = argument.offset;
    for (size_t d = 0; d < argument.strides.size(); ++d) offset += argument.strides[d] * iteration.at(d);
    return offset;
  }

  static bool is_moved(const loop::Argument& argument) {
    bool moved = argument.offset != 0;
    for (const int64_t stride : argument.strides) moved |= stride != 0;
    return moved;
  }

  void add_launches(const std::vector<Step>& steps, std::vector<int64_t>& iteration) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::launch) {
        add_launch(step, iteration);
        continue;
      }
      iteration.push_back(0);
      for (int64_t i = 0; i < step.count; ++i) {
        iteration.back() = step.reverse ? step.count - 1 - i : i;
        add_launches(step.body, iteration);
      }
      iteration.pop_back();
    }
  }

  void add_launch(const Step& step, const std::vector<int64_t>& iteration) {
    const loop::Kernel& kernel = program_.kernels[step.kernel];
    if (does_nothing(kernel)) return;
    Launch launch = launch_of(step);
    launch.info = step.kernel;
    for (size_t i = 0; i < step.arguments.size(); ++i) {
      const loop::Argument& argument = step.arguments[i];
      const loop::Buffer& buffer = *kernel.arguments[i];
      const int64_t first = moved_by(argument, iteration), width = loop::size_in_bytes(buffer.type);
      if (is_moved(argument)) launch.offsets.push_back(static_cast<int32_t>(first));
      launch.bindings.push_back(
          {argument.slot, first * width, (first + buffer.size) * width, buffer.written});
    }
    image_.launches.push_back(std::move(launch));
  }

  // The shader of a step, and how many workgroups it has; steps whose shaders have the same text share one.
  Launch launch_of(const Step& step) {
    const auto [known, is_new] = launches_by_step_.try_emplace(&step);
    if (!is_new) return known->second;
    const loop::Kernel& kernel = program_.kernels[step.kernel];
    if (const int64_t most = loop::most_iterations(kernel); most > target_.max_iterations) {
      const std::string times = most == INT64_MAX ? "any number of" : std::to_string(most);
      throw GraphError(
          fmt::format("{} would go through its loops {} times; this device ends them after {} ({})",
                      kernel.name, times, target_.max_iterations, first_note(kernel)));
    }
    std::vector<bool> moved;
    for (const loop::Argument& argument : step.arguments) moved.push_back(is_moved(argument));
    const Shader shader = emit_glsl(kernel, features_, moved, step.writes_state);
    const int64_t own = (shader.reads_call ? 1 : 0) + (shader.uses_faults ? 1 : 0);
    const auto tensors = static_cast<int64_t>(kernel.arguments.size());
    if (tensors + own > target_.max_buffers) {
      throw GraphError(fmt::format("{} has {} tensors; a kernel on this device has {} at most ({})",
                                   kernel.name, tensors, target_.max_buffers - own, first_note(kernel)));
    }
    Launch& launch = known->second;
    launch.groups = {static_cast<uint32_t>(shader.groups[0]), static_cast<uint32_t>(shader.groups[1])};
    const auto [entry, added] =
        kernels_by_text_.try_emplace({shader.text, shader.views}, image_.kernels.size());
    launch.kernel = entry->second;
    if (added) {
      Kernel result;
      result.name = kernel.name;
      result.spirv = to_spirv_(shader);
      result.views = shader.views;
      for (const bool is : moved) result.offsets += is ? 1 : 0;
      result.reads_call = shader.reads_call;
      result.uses_faults = shader.uses_faults;
      result.reports_faults = shader.reports_faults;
      image_.kernels.push_back(std::move(result));
    }
    return launch;
  }

  const loop::Program& program_;
  const loop::Target& target_;
  const ShaderFeatures& features_;
  ToSpirv to_spirv_;
  Image image_;
  std::map<std::pair<std::string, std::vector<View>>, size_t> kernels_by_text_;
  std::map<const Step*, Launch> launches_by_step_;
};

}  // namespace

Image compile(const loop::Program& program, const loop::Target& target, const ShaderFeatures& features,
              runtime::DiskCache& cache) {
  const auto to_spirv = [&](const Shader& shader) { return cached_spirv(shader.text, cache); };
  return ProgramCompiler(program, target, features, to_spirv).run();
}

std::string emit_glsl(const loop::Program& program, const loop::Target& target,
                      const ShaderFeatures& features) {
  std::string text;
  const auto collect = [&](const Shader& shader) {
    text += shader.notes + shader.text + "\n";
    return std::vector<uint32_t>();
  };
  ProgramCompiler(program, target, features, collect).run();
  return text;
}

std::string emit_spirv(const loop::Program& program, const loop::Target& target,
                       const ShaderFeatures& features) {
  std::string text;
  const auto collect = [&](const Shader& shader) {
    auto words = compile_to_spirv(shader.text);
    for (size_t begin = 0, end; begin < shader.notes.size(); begin = end + 1) {
      end = shader.notes.find('\n', begin);
      text += ";" + shader.notes.substr(begin + 2, end - begin - 1);  // as SPIR-V spells "//"
    }
    text += disassemble(words) + "\n";
    return words;
  };
  ProgramCompiler(program, target, features, collect).run();
  return text;
}

}  // namespace sinter::vulkan
