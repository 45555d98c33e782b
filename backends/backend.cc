#include "backends/backend.h"

#include <fmt/format.h>

#include "ir/error.h"

namespace sinter::backends {

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

}  // namespace sinter::backends
