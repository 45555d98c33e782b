#pragma once

#include <string>

#include "runtime/tensor.h"

namespace sinter::runtime {

// NumPy's .npy files (numpy.lib.format, versions 1 to 3) with elements f2, f4, f8, i4, i8 and b1,
// little-endian.

// An array in Fortran order is converted to row-major. Throws RuntimeError, naming the path and what is
// wrong, where the file is missing, damaged, longer than its array, or of another element type.
HostTensor read_npy(const std::string& path);

// Written atomically. Throws RuntimeError where the file cannot be written or NumPy has no such type (bf16).
void write_npy(const std::string& path, const HostTensor& tensor);

}  // namespace sinter::runtime
