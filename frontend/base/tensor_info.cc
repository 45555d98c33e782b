#include "frontend/base/tensor_info.h"

#include "frontend/base/convert.h"

namespace sinter {

std::vector<TensorInfo> to_infos(const std::vector<runtime::TensorSpec>& specs) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, dtype, shape] : specs) infos.push_back({name, to_public(dtype), shape});
  return infos;
}

size_t bytes_of(const TensorInfo& info) {
  return static_cast<size_t>(element_count(info.shape)) * runtime::size_in_bytes(to_runtime(info.dtype));
}

runtime::HostTensor tensor_for(const TensorInfo& info) {
  return {to_runtime(info.dtype), info.shape};
}

size_t index_of(const std::string& function, std::string_view kind, const std::vector<TensorInfo>& infos,
                std::string_view name) {
  const auto found = std::ranges::find(infos, name, &TensorInfo::name);
  if (found != infos.end()) return static_cast<size_t>(found - infos.begin());
  std::vector<std::string> names;
  for (const TensorInfo& info : infos) names.push_back(info.name);
  throw Error(
      fmt::format("{0}: no {1} is called '{2}'; {1}s are {3}", function, kind, name, quoted_list(names)));
}

void check_type(const std::string& function, std::string_view kind, const TensorInfo& info, DType type) {
  if (info.dtype == type) return;
  throw Error(fmt::format("{}: {} '{}' is {}, asked for as {}", function, kind, info.name,
                          to_string(info.dtype, info.shape), name(type)));
}

void check_input(const std::string& function, const TensorInfo& info, const Array& value) {
  if (!value.defined()) throw Error(fmt::format("{}: input '{}' is undefined", function, info.name));
  if (value.dtype() == info.dtype && value.shape() == info.shape) return;
  throw Error(fmt::format("{}: input '{}' is {}, got {}", function, info.name,
                          to_string(info.dtype, info.shape), to_string(value.dtype(), value.shape())));
}

}  // namespace sinter
