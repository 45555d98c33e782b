#pragma once

#include <cstdint>
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

// With `validate` the validation layer watches, and `next` is for it. Throws RuntimeError where there is no
// loader or no driver.
VkInstance create_instance(bool validate, const void* next);

}  // namespace sinter::vulkan
