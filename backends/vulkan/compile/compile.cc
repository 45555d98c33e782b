#include "backends/vulkan/compile/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>

#include "backends/code_version.h"
#include "backends/vulkan/compile/shader_parts.h"
#include "backends/vulkan/compile/spirv.h"
#include "backends/vulkan/player/image_bytes.h"
#include "ir/error.h"
#include "ir/loop/iterations.h"
#include "runtime/share_out.h"
#include "runtime/thread_pool.h"

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

// A kernel as a step launches it, which makes shaders of it.
struct Use {
  size_t kernel = 0;
  std::vector<bool> moved;  // arguments
  bool is_guarded = false;

  auto operator<=>(const Use&) const = default;
};

// An image but for its SPIR-V, and what that is made of: the shaders of each kernel.
struct Emitted {
  Image image;
  std::vector<Shader> shaders;
};

class ProgramEmitter {
 public:
  ProgramEmitter(const loop::Program& program, const loop::Target& target, const ShaderFeatures& features)
      : program_(program), target_(target), features_(features) {}

  Emitted run() {
    for (const Slot& slot : program_.slots) check_size(slot);
    static_cast<runtime::ProgramLayout&>(image_) = backends::to_layout(program_);
    image_.meetings = backends::to_meetings(program_);
    image_.segments.emplace_back();
    add_fault_types();
    for (const auto kind : {Slot::Kind::input, Slot::Kind::output, Slot::Kind::constant, Slot::Kind::arena})
      check_allocation(kind);
    find_uses(program_.steps);
    emit_shaders();
    std::vector<int64_t> iteration;
    add_launches(program_.steps, iteration);
    return {std::move(image_), std::move(shaders_)};
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
        if (step.kind != Step::Kind::launch) continue;
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

  static Use use_of(const Step& step) {
    Use use{step.kernel, {}, step.writes_state};
    for (const loop::Argument& argument : step.arguments) use.moved.push_back(is_moved(argument));
    return use;
  }

  void find_uses(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      find_uses(step.body);
      if (step.kind != Step::Kind::launch || does_nothing(program_.kernels[step.kernel])) continue;
      const auto [entry, is_new] = uses_.try_emplace(use_of(step), launches_.size());
      use_by_step_[&step] = entry->second;
      if (is_new) launches_.emplace_back();
    }
  }

  // Those that have the same text are one.
  void emit_shaders() {
    std::vector<const Use*> uses(uses_.size());
    std::vector<std::vector<Shader>> shaders(uses_.size());
    for (const auto& [use, index] : uses_) uses[index] = &use;
    runtime::share_out(uses.size(), runtime::available_cores(), [&]() -> runtime::Worker {
      return [&](size_t i) { shaders[i] = shaders_of(*uses[i]); };
    });
    std::map<std::pair<std::string, std::vector<View>>, size_t> kernels_by_text;
    for (size_t i = 0; i < uses.size(); ++i) {
      Launch& launch = launches_[i];
      launch.info = uses[i]->kernel;
      for (Shader& shader : shaders[i]) {
        const auto [entry, is_new] =
            kernels_by_text.try_emplace({shader.text, shader.views}, image_.kernels.size());
        const auto [x, y] = shader.groups;
        launch.dispatches.push_back({entry->second, {static_cast<uint32_t>(x), static_cast<uint32_t>(y)}});
        if (is_new) add_kernel(*uses[i], std::move(shader));
      }
    }
  }

  void add_kernel(const Use& use, Shader shader) {
    image_.kernels.push_back({program_.kernels[use.kernel].name,
                              {},
                              shader.views,
                              static_cast<uint32_t>(std::ranges::count(use.moved, true)),
                              shader.reads_call,
                              shader.uses_faults,
                              shader.reports_faults});
    shaders_.push_back(std::move(shader));
  }

  std::vector<Shader> shaders_of(const Use& use) const {
    const loop::Kernel& kernel = program_.kernels[use.kernel];
    if (const int64_t most = loop::most_iterations(kernel); most > target_.max_iterations) {
      const std::string times = most == INT64_MAX ? "any number of" : std::to_string(most);
      throw GraphError(
          fmt::format("{} would go through its loops {} times; this device ends them after {} ({})",
                      kernel.name, times, target_.max_iterations, first_note(kernel)));
    }
    std::vector<Shader> shaders;
    for (const loop::Kernel& one : target_.dispatches_parts() ? in_shaders(kernel) : std::vector{kernel})
      shaders.push_back(emit_glsl(one, features_, use.moved, use.is_guarded));
    const int64_t own = (std::ranges::any_of(shaders, &Shader::reads_call) ? 1 : 0) +
                        (std::ranges::any_of(shaders, &Shader::uses_faults) ? 1 : 0);
    const auto tensors = static_cast<int64_t>(kernel.arguments.size());
    if (tensors + own > target_.max_buffers) {
      throw GraphError(fmt::format("{} has {} tensors; a kernel on this device has {} at most ({})",
                                   kernel.name, tensors, target_.max_buffers - own, first_note(kernel)));
    }
    return shaders;
  }

  void add_launches(const std::vector<Step>& steps, std::vector<int64_t>& iteration) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::launch) {
        add_launch(step, iteration);
        continue;
      }
      if (step.kind == Step::Kind::begin) {
        image_.segments.back().begins.push_back(step.collective);
        continue;
      }
      if (step.kind == Step::Kind::end) {
        Segment& last = image_.segments.back();
        const bool has_begun = last.launches > 0 || !last.begins.empty();
        (has_begun ? image_.segments.emplace_back() : last).ends.push_back(step.collective);
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
    const auto use = use_by_step_.find(&step);
    if (use == use_by_step_.end()) return;
    Launch launch = launches_[use->second];
    const loop::Kernel& kernel = program_.kernels[step.kernel];
    for (size_t i = 0; i < step.arguments.size(); ++i) {
      const loop::Argument& argument = step.arguments[i];
      const loop::Buffer& buffer = *kernel.arguments[i];
      const int64_t first = moved_by(argument, iteration), width = loop::size_in_bytes(buffer.type);
      if (is_moved(argument)) launch.offsets.push_back(static_cast<int32_t>(first));
      launch.bindings.push_back(
          {argument.slot, first * width, (first + buffer.size) * width, buffer.written});
    }
    image_.launches.push_back(std::move(launch));
    if (!image_.segments.back().begins.empty()) image_.segments.emplace_back();
    ++image_.segments.back().launches;
  }

  const loop::Program& program_;
  const loop::Target& target_;
  const ShaderFeatures& features_;
  Image image_;
  std::vector<Shader> shaders_;
  std::map<Use, size_t> uses_;
  std::map<const Step*, size_t> use_by_step_;
  std::vector<Launch> launches_;  // by use, without what differs from step to step
};

// All of them: with another one this does not compile.
std::string identity(const ShaderFeatures& features) {
  const auto& [f64, i64, bytes, nan, denormals, is_processor, texel_buffers, lanes, groups, allocation] =
      features;
  return fmt::format("{} {} {} {} {} {} {} {} {} {}", f64, i64, bytes, nan, denormals, is_processor,
                     texel_buffers, lanes, groups, allocation);
}

}  // namespace

Image compile(const backends::Source& source, const loop::Target& target, const ShaderFeatures& features,
              runtime::DiskCache& cache) {
  std::string key;
  if (source.identity) {
    key = fmt::format("image\n{}\n{}\n{}\n{}\n{}", backends::kLibraryVersion, spirv_version(),
                      identity(features), loop::identity(target), source.identity());
    if (const auto bytes = cache.get(key)) {
      if (auto found = from_bytes(*bytes)) return std::move(*found);
    }
  }
  const auto preparing = std::async(std::launch::async, prepare_compiler);
  Image image = compile(source.lower(target), target, features, cache);
  if (source.identity) cache.put(key, to_bytes(image));
  return image;
}

Image compile(const loop::Program& program, const loop::Target& target, const ShaderFeatures& features,
              runtime::DiskCache& cache) {
  auto [image, shaders] = ProgramEmitter(program, target, features).run();
  std::vector<Kernel>& kernels = image.kernels;
  runtime::share_out(kernels.size(), runtime::available_cores(), [&]() -> runtime::Worker {
    return [&](size_t i) { kernels[i].spirv = cached_spirv(shaders[i].text, cache); };
  });
  return std::move(image);
}

std::string emit_glsl(const loop::Program& program, const loop::Target& target,
                      const ShaderFeatures& features) {
  std::string text;
  const Emitted emitted = ProgramEmitter(program, target, features).run();
  for (const Shader& shader : emitted.shaders) text += shader.notes + shader.text + "\n";
  return text;
}

std::string emit_spirv(const loop::Program& program, const loop::Target& target,
                       const ShaderFeatures& features) {
  std::string text;
  const Emitted emitted = ProgramEmitter(program, target, features).run();
  for (const Shader& shader : emitted.shaders) {
    for (size_t begin = 0, end; begin < shader.notes.size(); begin = end + 1) {
      end = shader.notes.find('\n', begin);
      text += ";" + shader.notes.substr(begin + 2, end - begin - 1);  // as SPIR-V spells "//"
    }
    text += disassemble(compile_to_spirv(shader.text)) + "\n";
  }
  return text;
}

}  // namespace sinter::vulkan
