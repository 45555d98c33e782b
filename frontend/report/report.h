#pragma once

#include <sinter/training/report.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "frontend/report/code.h"
#include "frontend/report/source_lines.h"
#include "frontend/report/texts.h"
#include "ir/loop/program.h"
#include "runtime/profile.h"

namespace sinter {

// A report in the making: what its page reads.
class Report {
 public:
  // `name` is how the device was opened: "vulkan:1".
  Report(const backends::Device& device, std::string name);

  // What a function became on the device, and how long its kernels took, which are among those of `times`.
  void add(const loop::Program& program, std::span<const runtime::KernelTime> times = {});
  nlohmann::ordered_json finish(const ReportOptions& options) const;

 private:
  const backends::Device& device_;
  std::string name_;
  ReportTexts texts_;
  KernelCode code_;
  SourceLines sources_;
  nlohmann::ordered_json lines_ = nlohmann::ordered_json::object();  // by place: what the user wrote there
  std::vector<nlohmann::ordered_json> functions_;
};

}  // namespace sinter
