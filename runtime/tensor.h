#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/dtype.h"

namespace sinter::runtime {

using Shape = std::vector<int64_t>;

int64_t element_count(const Shape& shape);
std::string to_string(DType type, const Shape& shape);  // "f32[4,8]"

template <typename T>
struct dtype_of;
template <>
struct dtype_of<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct dtype_of<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of<bool> {
  static constexpr DType value = DType::boolean;
};

// A dense row-major array in host memory, aligned to 64 bytes, zero when made. A bool is one byte, 0 or 1.
// Copies share the memory; clone() does not.
class HostTensor {
 public:
  HostTensor() = default;
  HostTensor(DType type, Shape shape);
  // In memory that is there already, and aligned.
  HostTensor(DType type, Shape shape, std::shared_ptr<void> memory)
      : dtype_(type), shape_(std::move(shape)), memory_(std::move(memory)) {}

  template <typename T>
  static HostTensor from(std::span<const T> values, Shape shape) {
    HostTensor tensor(dtype_of<T>::value, std::move(shape));
    tensor.check_count(values.size());
    std::copy(values.begin(), values.end(), tensor.data<T>());
    return tensor;
  }
  template <typename T>
  static HostTensor scalar(T value) {
    return from(std::span<const T>(&value, 1), {});
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t size() const { return element_count(shape_); }
  size_t bytes() const { return static_cast<size_t>(size()) * size_in_bytes(dtype_); }
  bool defined() const { return memory_ != nullptr; }

  void* raw() { return memory_.get(); }
  const void* raw() const { return memory_.get(); }

  // Throws RuntimeError where T is not the element type.
  template <typename T>
  T* data() {
    check_type(dtype_of<T>::value);
    return static_cast<T*>(raw());
  }
  template <typename T>
  const T* data() const {
    check_type(dtype_of<T>::value);
    return static_cast<const T*>(raw());
  }
  template <typename T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<size_t>(size())};
  }

  HostTensor clone() const;

 private:
  void check_type(DType type) const;
  void check_count(size_t count) const;

  DType dtype_ = DType::f32;
  Shape shape_;
  std::shared_ptr<void> memory_;
};

}  // namespace sinter::runtime
