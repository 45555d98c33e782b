#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/executable.h"

namespace sinter::backends {

// Functions that were compiled ahead of time, on a device with memory of its own that runs them.
class Player {
 public:
  struct Function {
    std::string name;
    bool writes_state;
  };

  virtual ~Player() = default;
  virtual const std::vector<Function>& functions() const = 0;
  virtual std::unique_ptr<runtime::Executable> load(size_t function) const = 0;
  virtual std::unique_ptr<runtime::StateStore> make_state() const = 0;
  virtual uint64_t seed() const = 0;
};

}  // namespace sinter::backends
