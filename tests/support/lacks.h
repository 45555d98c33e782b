#pragma once

#include <string>
#include <string_view>

#include "backends/registry/registry.h"
#include "ir/graph/text/text.h"

namespace sinter::test {

// Which of the module's types the device has not, as the counts of what tests skip have it: "the device has
// no i64". Empty: it has all.
inline std::string lacks(const backends::Device& device, const graph::Module& module) {
  const auto uses = [&](const char* type) { return graph::print(module).find(type) != std::string::npos; };
  const auto& target = device.target();
  if (!target.has_i64 && uses("i64")) return "the device has no i64";
  if (!target.has_f64 && uses("f64")) return "the device has no f64";
  return "";
}

inline std::string lacks(std::string_view device_name, const graph::Module& module) {
  return lacks(*backends::open_device(device_name), module);
}

}  // namespace sinter::test
