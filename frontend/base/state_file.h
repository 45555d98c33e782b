#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/executable.h"

// Files of a program's state.
namespace sinter {

// What one says of itself, always as many bytes: it is as long whatever the step is.
std::map<std::string, std::string> state_metadata(uint64_t seed, uint32_t step);
// The step that `metadata` of the file at `path` tells, if it does. Throws RuntimeError where it is no
// number.
std::optional<uint32_t> step_in(const std::map<std::string, std::string>& metadata, const std::string& path);

struct StateFile {
  std::map<std::string, runtime::HostTensor> values;
  std::optional<uint32_t> step;
};

// These states, of a file that may have others; f16 and bf16 are widened for states of f32. Throws
// RuntimeError where it has one not, or as another type.
StateFile read_states(const std::string& path, const std::vector<runtime::TensorSpec>& states);

}  // namespace sinter
