#pragma once

#include <memory>
#include <utility>

#include "runtime/tensor.h"

namespace sinter::runtime {

// A tensor in the memory of a device. Any thread may use it.
class DeviceBuffer {
 public:
  DeviceBuffer(DType type, Shape shape) : dtype_(type), shape_(std::move(shape)) {}
  virtual ~DeviceBuffer() = default;

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  // What lies there, in host memory that is the caller's. Throws RuntimeError where the device was lost.
  virtual HostTensor fetch() const = 0;

 protected:
  DeviceBuffer(const DeviceBuffer&) = default;
  DeviceBuffer& operator=(const DeviceBuffer&) = default;

 private:
  DType dtype_;
  Shape shape_;
};

// A device as to what its kernels read.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  // `tensor` where its kernels read it for as long as the result lives; null where they read host memory.
  virtual std::shared_ptr<const DeviceBuffer> upload(const HostTensor& /*tensor*/) const { return nullptr; }
  // Whether its kernels read what lies there.
  virtual bool reaches(const DeviceBuffer& /*buffer*/) const { return false; }
};

}  // namespace sinter::runtime
