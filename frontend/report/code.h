#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "frontend/report/texts.h"
#include "ir/loop/program.h"

namespace sinter {

// What the devices of a backend, named as to open one, show of their code: "llvm", "asm".
std::vector<std::string> code_kinds(std::string_view device);

// A kernel without what says where in the model it stands: layers of one shape have the same.
loop::Kernel without_places(loop::Kernel kernel);

// The code of single kernels, made once for those that are the same.
class KernelCode {
 public:
  explicit KernelCode(const backends::Device& device) : device_(device) {}

  // The number of the text that is the code of a kernel, as the device shows it.
  size_t add(const loop::Program& program, size_t kernel, std::string_view kind, ReportTexts& texts);

 private:
  const backends::Device& device_;
  std::map<std::pair<std::string, std::string>, size_t> known_;  // by kind and loops
};

}  // namespace sinter
