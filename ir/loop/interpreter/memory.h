#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/loop/scalar.h"

namespace sinter::loop::interpreter {

// Elements in host memory.
Scalar read_element(const std::byte* data, Type type, int64_t index);
void write_element(std::byte* data, Type type, int64_t index, Scalar value);
// NaN, and for integers a value that no index has.
void poison(std::byte* data, Type type, int64_t elements);

// Who touched the elements of a buffer since the last barrier. An agent is an iteration of the parallel loop,
// a workgroup, or a lane in one; kEveryone is all lanes together.
class AccessLog {
 public:
  static constexpr int64_t kEveryone = -1;

  // False where it races with another agent.
  bool read(int64_t element, int64_t agent);
  bool write(int64_t element, int64_t agent);
  void synchronize() { ++epoch_; }

 private:
  static constexpr int64_t kNobody = -2;

  struct Entry {
    int64_t writer = kNobody;
    int64_t reader = kNobody;  // kEveryone: several
    uint64_t epoch = 0;
  };

  Entry& entry(int64_t element);

  std::vector<Entry> entries_;
  uint64_t epoch_ = 1;
};

}  // namespace sinter::loop::interpreter
