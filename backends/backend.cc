#include "backends/backend.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"

namespace sinter::backends {

std::string Device::text(const Source&, std::string_view kind) const {
  throw GraphError(fmt::format("this device has no code to show as {}", kind));
}

std::unique_ptr<Device> open_device(std::string_view name, int threads) {
  const size_t colon = name.find(':');
  const std::string_view backend = name.substr(0, colon);
  DeviceOptions options{colon == std::string_view::npos ? "" : std::string(name.substr(colon + 1)), threads};
  std::string known;
  for (const Backend* candidate : all_backends()) {
    if (candidate->name() == backend) return candidate->open(options);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", candidate->name());
  }
  throw GraphError(fmt::format("unknown device '{}': expected one of {}", name, known));
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

std::vector<runtime::KernelInfo> to_infos(const loop::Program& program) {
  std::vector<runtime::KernelInfo> infos;
  for (const loop::Kernel& kernel : program.kernels) {
    runtime::KernelInfo& info = infos.emplace_back();
    info.function = program.name;
    info.name = kernel.name;
    info.flops = kernel.flops;
    info.bytes = kernel.bytes;
    for (const std::string& note : kernel.notes) {
      const size_t space = note.find(' ');  // behind the op
      if (space == std::string::npos) continue;
      const std::string source = note.substr(space + 1);
      if (std::find(info.sources.begin(), info.sources.end(), source) == info.sources.end())
        info.sources.push_back(source);
    }
  }
  return infos;
}

}  // namespace sinter::backends
