#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

#include <optional>

// Movement by values that are known only when the program runs. Indices are i32 or i64.
namespace SINTER_EXPORT sinter {

// Slices of `x` along `axis`: x.shape[:axis] + indices.shape + x.shape[axis+1:]. An index out of range fails
// the call, whose message names it; state is then as before.
Tensor gather(Operand x, Operand indices, int64_t axis = 0);
// `base` with `updates` added at `indices` along `axis`, in order of position: the adjoint of gather.
Tensor scatter_add(Operand base, Operand indices, Operand updates, int64_t axis = 0);

// Of each row along `axis` the elements at the indices that the same row of `indices` has: x and indices have
// the same extents but for the axis (PyTorch's gather).
Tensor take_along_axis(Operand x, Operand indices, int64_t axis);

enum class Scatter { set, add, product, max, min };
// `base` with each element of `updates`, which have the shape of indices, at the index along `axis` that
// stands at its place in `indices`; else shaped as in take_along_axis (PyTorch's scatter, and scatter_reduce
// with include_self). Of several updates of one element `set` takes the last in row-major order, the others
// combine all of them with the base's, of which for max and min those that are equal share the gradient.
Tensor scatter_along_axis(Operand base, Operand indices, Operand updates, int64_t axis,
                          Scatter how = Scatter::set);

// A block of `sizes` from `starts` (an integer scalar for each axis) on; starts are clamped so that it fits.
Tensor dynamic_slice(Operand x, Operands starts, Shape sizes);
Tensor dynamic_update(Operand x, Operand update, Operands starts);

struct TopK {
  Tensor values;     // falling
  Tensor positions;  // i32; ties in order of position
};
TopK top_k(Operand x, int64_t k);  // along the last axis

struct Sorted {
  Tensor values;
  Tensor positions;  // i32, along the axis: take_along_axis(x, positions, axis) are the values
};
// Along an axis, stable: equals keep their order. A NaN counts as the largest. By merging, in n log n.
Sorted sort(Operand x, int64_t axis = -1, bool descending = false);
Tensor argsort(Operand x, int64_t axis = -1, bool descending = false);

// 1 where the last, new axis of `classes` equals the index, 0 elsewhere; also where it is out of range.
Tensor one_hot(Operand indices, int64_t classes, DType type = f32);

}  // namespace sinter
