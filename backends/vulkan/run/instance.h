#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/vulkan/run/api.h"

namespace sinter::vulkan {

// What a function that is first asked how many there are gives.
template <typename T, typename Function, typename... Args>
std::vector<T> enumerate(Function function, Args... args) {
  uint32_t count = 0;
  function(args..., &count, nullptr);
  std::vector<T> all(count);
  function(args..., &count, all.data());
  all.resize(count);
  return all;
}

bool has_validation_layer();

// Hears what the validation layer finds.
using Listener = void (*)(const std::string& message);

// The instance of this process, made when it is first asked for and never unmade, as drivers cannot be loaded
// and unloaded without end. Each listener has one of its own, which the validation layer watches. Any thread
// may ask. Throws RuntimeError where there is no loader or no driver; the next call tries again.
VkInstance shared_instance(Listener listener = nullptr);

}  // namespace sinter::vulkan
