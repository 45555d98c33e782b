#include "runtime/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "runtime/error.h"
#include "runtime/memory.h"

namespace sinter::runtime {

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

std::string to_string(DType type, const Shape& shape) {
  return fmt::format("{}[{}]", name(type), fmt::join(shape, ","));
}

HostTensor::HostTensor(DType type, Shape shape) : dtype_(type), shape_(std::move(shape)) {
  Memory memory = allocate(bytes());
  std::memset(memory.get(), 0, bytes());
  memory_ = std::move(memory);
}

HostTensor HostTensor::clone() const {
  HostTensor copy(dtype_, shape_);
  std::memcpy(copy.raw(), raw(), bytes());
  return copy;
}

void HostTensor::check_type(DType type) const {
  if (type == dtype_) return;
  throw RuntimeError(fmt::format("tensor {} read as {}", to_string(dtype_, shape_), name(type)));
}

void HostTensor::check_count(size_t count) const {
  if (static_cast<int64_t>(count) == size()) return;
  throw RuntimeError(fmt::format("{} takes {} values, got {}", to_string(dtype_, shape_), size(), count));
}

}  // namespace sinter::runtime
