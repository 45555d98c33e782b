#include <sinter/data/files.h>
#include <sinter/error.h>

#include "frontend/base/translate.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"

namespace sinter {

Array load_npy(const std::string& path) {
  return translated([&] { return Array(runtime::widened(runtime::read_npy(path))); });
}

void save_npy(const std::string& path, const Array& array) {
  translated([&] { runtime::write_npy(path, array.host()); });
}

TensorFile load_safetensors(const std::string& path) {
  return translated([&] {
    runtime::SafetensorsFile file = runtime::read_safetensors(path);
    TensorFile result;
    for (auto& [name, tensor] : file.tensors) {
      result.arrays.emplace(name, runtime::widened(std::exchange(tensor, {})));
    }
    result.metadata = std::move(file.metadata);
    return result;
  });
}

void save_safetensors(const std::string& path, const TensorFile& file) {
  runtime::SafetensorsFile written;
  for (const auto& [name, array] : file.arrays) written.tensors.emplace(name, array.host());
  written.metadata = file.metadata;
  translated([&] { runtime::write_safetensors(path, written); });
}

}  // namespace sinter
