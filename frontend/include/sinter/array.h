#pragma once

#include <sinter/types.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

namespace sinter {

namespace runtime {
class HostTensor;
}

// A dense row-major array in host memory. Copies share the memory; clone() does not.
class Array {
 public:
  Array() = default;
  Array(DType type, Shape shape);  // zeros; throws Error where there is not enough memory

  // Throws Error where `values` are not as many as `shape` has elements.
  template <Element T>
  static Array from(std::span<const T> values, Shape shape) {
    Array array(dtype_of<T>(), std::move(shape));
    array.check_count(values.size());
    std::copy(values.begin(), values.end(), array.data<T>());
    return array;
  }
  template <Element T>
  static Array from(const std::vector<T>& values, Shape shape) requires(!std::same_as<T, bool>) {
    return from(std::span<const T>(values), std::move(shape));
  }
  template <Element T>
  static Array from(std::initializer_list<T> values, Shape shape) {
    return from(std::span<const T>(values.begin(), values.size()), std::move(shape));
  }
  template <Element T>
  static Array scalar(T value) {
    return from(std::span<const T>(&value, 1), {});
  }

  bool defined() const { return host_ != nullptr; }
  DType dtype() const;
  const Shape& shape() const;
  int64_t size() const;  // elements

  // Throw Error where T is not the element type.
  template <Element T>
  T* data() {
    return static_cast<T*>(checked(dtype_of<T>()));
  }
  template <Element T>
  const T* data() const {
    return static_cast<const T*>(checked(dtype_of<T>()));
  }
  template <Element T>
  std::span<T> values() {
    return {data<T>(), static_cast<size_t>(size())};
  }
  template <Element T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<size_t>(size())};
  }
  // The only element of an array that has one.
  template <Element T>
  T item() const {
    check_count(1);
    return *data<T>();
  }

  Array clone() const;

  // For the library itself.
  explicit Array(std::shared_ptr<runtime::HostTensor> host) : host_(std::move(host)) {}
  const std::shared_ptr<runtime::HostTensor>& host() const { return host_; }

 private:
  void* checked(DType type) const;
  void check_count(size_t count) const;

  std::shared_ptr<runtime::HostTensor> host_;
};

}  // namespace sinter
