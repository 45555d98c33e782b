#include "frontend/base/state_file.h"

#include <fmt/format.h>

#include <charconv>

#include "runtime/error.h"
#include "runtime/safetensors.h"
#include "runtime/stored.h"

namespace sinter {

std::map<std::string, std::string> state_metadata(uint64_t seed, uint32_t step) {
  return {{"seed", fmt::format("{:020}", seed)}, {"step", fmt::format("{:010}", step)}};
}

std::optional<uint32_t> step_in(const std::map<std::string, std::string>& metadata, const std::string& path) {
  const auto found = metadata.find("step");
  if (found == metadata.end()) return {};
  const std::string& text = found->second;
  uint32_t step = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, step);
  if (error != std::errc() || stop != end) throw RuntimeError(fmt::format("{}: '{}' is no step", path, text));
  return step;
}

StateFile read_states(const std::string& path, const std::vector<runtime::TensorSpec>& states) {
  const runtime::SafetensorsFile file = runtime::read_safetensors(path);
  StateFile result{{}, step_in(file.metadata, path)};
  for (const auto& [name, dtype, shape] : states) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) {
      throw RuntimeError(
          fmt::format("{} has no state '{}', which is {}", path, name, runtime::to_string(dtype, shape)));
    }
    const runtime::HostTensor tensor =
        dtype == runtime::DType::f32 ? runtime::widened(found->second) : found->second;
    if (tensor.dtype() != dtype || tensor.shape() != shape) {
      throw RuntimeError(fmt::format("{}: state '{}' is {}, got {}", path, name,
                                     runtime::to_string(dtype, shape),
                                     runtime::to_string(found->second.dtype(), tensor.shape())));
    }
    result.values.emplace(name, tensor);
  }
  return result;
}

}  // namespace sinter
