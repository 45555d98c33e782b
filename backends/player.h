#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/rows.h"
#include "runtime/device_buffer.h"
#include "runtime/executable.h"

namespace sinter::backends {

// Functions that were compiled ahead of time, on a device with memory of its own that runs them.
class Player : public runtime::DeviceMemory {
 public:
  struct Function {
    std::string name;                      // "predict_batch_1"
    std::string of;                        // "predict", as the program calls it
    std::map<std::string, int64_t> sizes;  // of its Dims
    bool writes_state = false;
    Rows rows = {};
  };

  virtual const std::vector<Function>& functions() const = 0;
  virtual const std::vector<runtime::TensorSpec>& inputs(size_t function) const = 0;
  virtual std::unique_ptr<runtime::Executable> load(size_t function) const = 0;
  virtual std::unique_ptr<runtime::StateStore> make_state() const = 0;
  virtual uint64_t seed() const = 0;
};

}  // namespace sinter::backends
