#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/player.h"
#include "backends/vulkan/player/needs.h"
#include "backends/vulkan/run/image.h"
#include "runtime/executable.h"

namespace sinter::vulkan {

// NAME.sinter: functions over one state that were compiled ahead of time. The states have their places in
// this order.
struct ProgramFile {
  struct Function {
    backends::Player::Function info;
    Image image;
  };

  Needs needs;
  uint64_t seed = 0;
  std::vector<runtime::TensorSpec> states;
  std::vector<Function> functions;
};

std::string to_bytes(const ProgramFile& file);
// Throws RuntimeError where the bytes are none of to_bytes(): of another format, damaged, of anything else.
// `path` is where they come from.
ProgramFile program_from_bytes(std::string_view bytes, const std::string& path);

}  // namespace sinter::vulkan
