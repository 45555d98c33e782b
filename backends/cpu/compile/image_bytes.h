#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/collectives/meeting.h"
#include "runtime/executable.h"

// A compiled program as the cache keeps it.
namespace sinter::cpu {

struct UnloadedImage {
  runtime::ProgramLayout layout;
  std::vector<runtime::Meeting> meetings;
  int64_t scratch_bytes = 0;
  std::vector<std::string> files;  // objects, one of which has the entry
};

std::string to_bytes(const UnloadedImage& image);
// Nothing where the bytes are none of to_bytes().
std::optional<UnloadedImage> from_bytes(std::string_view bytes);

}  // namespace sinter::cpu
