#include <fmt/format.h>
#include <sinter/array.h>
#include <sinter/error.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "frontend/base/convert.h"
#include "frontend/base/names.h"
#include "frontend/base/translate.h"
#include "runtime/device_buffer.h"
#include "runtime/tensor.h"

namespace sinter {

using runtime::HostTensor;

struct SINTER_INTERNAL Array::Data {
  DType dtype;
  Shape shape;
  std::optional<HostTensor> host;  // none: it was not fetched yet
  std::shared_ptr<const runtime::DeviceBuffer> device;
  std::atomic<bool> is_here = host.has_value();  // so that threads which share an array do not wait
  std::mutex fetching{};

  const HostTensor& fetched() {
    if (!is_here.load(std::memory_order_acquire)) {
      const std::lock_guard<std::mutex> lock(fetching);
      if (!host) host = translated([&] { return device->fetch(); });
      is_here.store(true, std::memory_order_release);
    }
    return *host;
  }
};

Array::Array(DType type, Shape shape) {
  for (int64_t extent : shape) {
    if (extent < 0) throw Error(fmt::format("array: a negative extent in {}", to_string(type, shape)));
  }
  *this = Array(translated([&] { return HostTensor(to_runtime(type), std::move(shape)); }));
}

Array::Array(HostTensor host)
    : data_(new Data{to_public(host.dtype()), host.shape(), std::move(host), nullptr}) {}

Array::Array(std::shared_ptr<const runtime::DeviceBuffer> device)
    : data_(new Data{to_public(device->dtype()), device->shape(), {}, std::move(device)}) {}

const Array::Data& Array::checked() const {
  if (data_ == nullptr) throw Error("the array is undefined");
  return *data_;
}

bool Array::on_device() const {
  return checked().device != nullptr;
}
DType Array::dtype() const {
  return checked().dtype;
}
const Shape& Array::shape() const {
  return checked().shape;
}
int64_t Array::size() const {
  return runtime::element_count(checked().shape);
}

Array Array::clone() const {
  if (on_device()) return Array(data_->device);
  return Array(translated([&] { return host().clone(); }));
}

// `count` elements of the first axis from `first` on, as an array of another shape.
Array Array::part(int64_t first, int64_t count, Shape of_part) const {
  const HostTensor& from = host();
  Array result(dtype(), std::move(of_part));
  const size_t row = shape()[0] == 0 ? 0 : from.bytes() / static_cast<size_t>(shape()[0]);
  std::memcpy(result.data_->host->raw(),
              static_cast<const std::byte*>(from.raw()) + static_cast<size_t>(first) * row,
              static_cast<size_t>(count) * row);
  return result;
}

Array Array::slice(int64_t begin, int64_t end) const {
  const int64_t extent = shape().empty() ? -1 : shape()[0];
  const int64_t first = begin < 0 ? begin + extent : begin;
  const int64_t last = end < 0 ? end + extent : end;
  if (first < 0 || first > last || last > extent) {
    throw Error(fmt::format("{} has no slice {} to {}", to_string(dtype(), shape()), begin, end));
  }
  Shape of_slice = shape();
  of_slice[0] = last - first;
  return part(first, last - first, std::move(of_slice));
}

Array Array::operator[](int64_t index) const {
  const int64_t extent = shape().empty() ? 0 : shape()[0];
  const int64_t place = index < 0 ? index + extent : index;
  if (place < 0 || place >= extent) {
    throw Error(fmt::format("{} has no element {}", to_string(dtype(), shape()), index));
  }
  return part(place, 1, Shape(shape().begin() + 1, shape().end()));
}

const HostTensor& Array::host() const {
  checked();
  return data_->fetched();
}

const std::shared_ptr<const runtime::DeviceBuffer>& Array::device() const {
  return checked().device;
}

const void* Array::checked(DType type) const {
  if (dtype() != type) {
    throw Error(fmt::format("the array is {}, asked for as {}", to_string(dtype(), shape()), name(type)));
  }
  return host().raw();
}

void* Array::to_write(DType type) {
  checked(type);
  data_->device = nullptr;
  return data_->host->raw();
}

void Array::check_count(size_t count) const {
  if (static_cast<int64_t>(count) == size()) return;
  throw Error(fmt::format("{} holds {} values, not {}", to_string(dtype(), shape()), size(), count));
}

const Array& Arrays::at(std::string_view name) const {
  if (const auto found = find(name); found != end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, array] : *this) names.push_back(known);
  throw Error(fmt::format("no array is called '{}'{}", name, empty() ? "" : ", only " + quoted_list(names)));
}

Array& Arrays::at(std::string_view name) {
  return const_cast<Array&>(std::as_const(*this).at(name));
}

}  // namespace sinter
