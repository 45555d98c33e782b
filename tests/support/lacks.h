#pragma once

#include <string>
#include <string_view>

#include "backends/registry/registry.h"
#include "ir/graph/text/text.h"

namespace sinter::test {

// Which of the module's types the device has not, as the counts of what tests skip have it: "the device has
// no i64". Empty: it has all.
inline std::string lacks(const backends::Device& device, const graph::Module& module) {
  const std::string text = graph::print(module);
  const auto& target = device.target();
  if (!target.has_i64 && text.find("i64") != std::string::npos) return "the device has no i64";
  if (!target.has_f64 && text.find("f64") != std::string::npos) return "the device has no f64";
  return "";
}

inline std::string lacks(std::string_view device_name, const graph::Module& module) {
  return lacks(*backends::open_device(device_name), module);
}

}  // namespace sinter::test
