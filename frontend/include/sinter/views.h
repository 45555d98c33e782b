#pragma once

#include <sinter/export.h>
#include <sinter/extent.h>
#include <sinter/reductions.h>
#include <sinter/tensor.h>

// Functions that move elements and compute nothing. A negative axis counts from the end.
namespace SINTER_EXPORT sinter {

Tensor reshape(Operand x, Extents shape);           // same elements in row-major order; one extent may be -1
Tensor flatten(Operand x, int64_t first_axis = 0);  // joins the axes from `first_axis` on
Tensor transpose(Operand x, std::vector<int64_t> permutation);  // axis i of the result is permutation[i] of x
Tensor swap_axes(Operand x, int64_t a, int64_t b);
Tensor expand_dims(Operand x, Axes axes);  // new axes of extent 1, numbered as in the result
Tensor squeeze(Operand x, Axes axes);      // drops axes of extent 1
Tensor broadcast_to(Operand x, Extents shape);
Tensor reverse(Operand x, Axes axes);

// Elements start, start + stride, ... below limit of one axis; negative bounds count from the end.
Tensor slice(Operand x, int64_t axis, int64_t start, int64_t limit, int64_t stride = 1);
// Element i of one axis, which is dropped.
Tensor at(Operand x, int64_t axis, int64_t i);

// Adds elements of `value` before (low[i]) and after (high[i]) axis i.
Tensor pad(Operand x, std::vector<int64_t> low, std::vector<int64_t> high, Number value = 0);
// What comes next to the ends of an axis: its elements mirrored, without the one at the end; the one at the
// end again; or the elements of its other end.
enum class PadMode { reflect, edge, wrap };
Tensor pad(Operand x, std::vector<int64_t> low, std::vector<int64_t> high, PadMode mode);
// Of the last two axes what is on or below (above) a diagonal, 0 elsewhere; diagonal 1 is the one above the
// main.
Tensor lower_triangle(Operand x, int64_t diagonal = 0);
Tensor upper_triangle(Operand x, int64_t diagonal = 0);
Tensor concat(Operands parts, int64_t axis);
Tensor stack(Operands parts, int64_t axis = 0);  // along a new axis
std::vector<Tensor> split(Operand x, std::vector<int64_t> sizes, int64_t axis);
std::vector<Tensor> split_evenly(Operand x, int64_t parts, int64_t axis);

// Overlapping windows: `axis` becomes the window's number, a new last axis the place in it.
Tensor window(Operand x, int64_t axis, int64_t size, int64_t stride = 1, int64_t dilation = 1);
// The adjoint of window: adds the last axis back into `axis`, which gets `extent` elements.
Tensor fold(Operand x, int64_t axis, int64_t extent, int64_t stride = 1, int64_t dilation = 1);

}  // namespace sinter
