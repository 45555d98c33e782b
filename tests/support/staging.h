#pragma once

#include <string>

#include "backends/vulkan/run/gpu.h"
#include "backends/vulkan/vulkan.h"

namespace sinter {

// "vulkan" as on a device whose memory the host does not see.
constexpr const char* kStaging = "vulkan, staging";

// A device of a test's parameter: for as long as this lives, the name means it.
class DeviceByParam {
 public:
  explicit DeviceByParam(std::string param) : param_(std::move(param)) {
    if (param_ == kStaging) vulkan::options_by_name().stage = true;
  }
  ~DeviceByParam() { vulkan::options_by_name().stage = stages_; }
  DeviceByParam(const DeviceByParam&) = delete;
  DeviceByParam& operator=(const DeviceByParam&) = delete;

  std::string name() const { return param_ == kStaging ? "vulkan" : param_; }

 private:
  std::string param_;
  bool stages_ = vulkan::options_by_name().stage;
};

// As a part of a test's name.
inline std::string name_of_device(const std::string& param) {
  return param == kStaging ? "staging" : param;
}

}  // namespace sinter
