#pragma once

#include <memory>
#include <string>
#include <vector>

namespace sinter::cpu {

struct LoadedCode {
  void* entry = nullptr;
  std::shared_ptr<void> code;  // holds the memory that `entry` points into
};

// Links object files into this process; what they leave open is looked up in it (libm). Throws InternalError.
LoadedCode load_objects(const std::vector<std::string>& objects, const std::string& entry);

}  // namespace sinter::cpu
