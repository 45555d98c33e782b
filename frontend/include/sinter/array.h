#pragma once

#include <sinter/export.h>
#include <sinter/types.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::runtime {
class DeviceBuffer;
class HostTensor;
}  // namespace sinter::runtime

namespace SINTER_EXPORT sinter {

// A dense row-major array, in host memory or, as Program::upload and Function::output give it, on a device.
// Copies share the memory; clone() does not.
//
// What lies on a device is never changed there. Reading it with data(), values() or item() fetches it, once
// for all its copies; the device keeps it too. data() and values() of an array that is not const are for
// writing as well, and bring it back: from then on it, and with it each copy, lies in host memory. They throw
// Error where there is not enough memory, or the device was lost.
//
// Any number of threads may read an array at once; who may write to it has it alone.
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

  bool defined() const { return data_ != nullptr; }
  bool on_device() const;
  DType dtype() const;
  const Shape& shape() const;
  int64_t size() const;  // elements

  // Throw Error where T is not the element type.
  template <Element T>
  T* data() {
    return static_cast<T*>(to_write(dtype_of<T>()));
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

  Array clone() const;  // where this one lies

  // Elements `begin` to `end`, without it, of the first axis, and element `index`, which has that axis no
  // more: copies in host memory. Negative ones count from the end. Throw Error where there are no such.
  Array slice(int64_t begin, int64_t end) const;
  Array operator[](int64_t index) const;

  // For the library itself.
  explicit Array(runtime::HostTensor host);
  explicit Array(std::shared_ptr<const runtime::DeviceBuffer> device);
  const runtime::HostTensor& host() const;                             // fetches
  const std::shared_ptr<const runtime::DeviceBuffer>& device() const;  // null: it lies in host memory

 private:
  struct Data;

  const Data& checked() const;
  const void* checked(DType type) const;
  void* to_write(DType type);
  void check_count(size_t count) const;
  Array part(int64_t first, int64_t count, Shape of_part) const;

  std::shared_ptr<Data> data_;
};

// Arrays by name, as calls take and give them.
class Arrays : public std::map<std::string, Array, std::less<>> {
 public:
  using map::map;

  // Throw Error that lists the names where there is none of this one.
  const Array& at(std::string_view name) const;
  Array& at(std::string_view name);
};

// The type, and below it the values as NumPy prints them; of more than 1000 the first and last three along
// each axis.
std::string to_string(const Array& array);
std::ostream& operator<<(std::ostream& stream, const Array& array);

}  // namespace sinter
