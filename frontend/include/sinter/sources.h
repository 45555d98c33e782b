#pragma once

#include <sinter/array.h>
#include <sinter/export.h>
#include <sinter/extent.h>
#include <sinter/tensor.h>

// Tensors from nothing. An extent may be a Dim of the function: zeros({batch, 64}).
namespace SINTER_EXPORT sinter {

using Where = std::source_location;

// Every element `value`; what does not fit the type is an error.
Tensor full(Extents shape, Number value, DType type = f32, Where where = Where::current());
Tensor zeros(Extents shape, DType type = f32, Where where = Where::current());
Tensor ones(Extents shape, DType type = f32, Where where = Where::current());
Tensor zeros_like(Operand x);
Tensor ones_like(Operand x);
Tensor eye(Extent size, DType type = f32,
           Where where = Where::current());                            // 1 on the diagonal of [size,size]
Tensor constant(const Array& values, Where where = Where::current());  // a table inside the program
Tensor iota(Extents shape, int64_t axis, DType type = i32,
            Where where = Where::current());                                    // index along axis
Tensor arange(Extent count, DType type = i32, Where where = Where::current());  // 0 .. count-1

// Random numbers are a function of the program's seed, its step (the number of successful calls that wrote
// state) or, in a function that writes none, the number of the call (program.h, Function::set_call), the
// place of the call in its module, and the element's index: the same on every device.
Tensor random_uniform(Extents shape, double low = 0, double high = 1, DType type = f32,
                      Where where = Where::current());
Tensor random_normal(Extents shape, double mean = 0, double deviation = 1, DType type = f32,
                     Where where = Where::current());

}  // namespace sinter
