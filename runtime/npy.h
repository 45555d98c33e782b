#pragma once

#include <string>

#include "runtime/file.h"
#include "runtime/stored.h"
#include "runtime/tensor.h"

namespace sinter::runtime {

// NumPy's .npy files (numpy.lib.format, versions 1 to 3) with elements f2, f4, f8, i1, i2, i4, i8, u1, u2, u4
// and b1, little-endian.

struct NpyLayout {
  Stored type;
  Shape shape;
  bool fortran_order;  // the first axis runs fastest, not the last
  uint64_t begin;      // of the elements in the file, which they fill to its end
};

// Both throw RuntimeError, naming the path and what is wrong, where the file is missing, damaged, longer than
// its array, or of another element type.
NpyLayout npy_layout(const ReadableFile& file);
// An array in Fortran order is converted to row-major, elements that tensors do not have to those that hold
// them.
HostTensor read_npy(const std::string& path);

// Written atomically. Throws RuntimeError where the file cannot be written or NumPy has no such type (bf16).
void write_npy(const std::string& path, const HostTensor& tensor);

}  // namespace sinter::runtime
