#pragma once

#include <span>
#include <vector>

#include "backends/reference/kernels.h"

namespace sinter::reference {

// How far from its exact value an element may come out on a machine that rounds, as a multiple of `unit`, the
// relative error of one operation (2^-23 where it computes in f32). Errors are taken to be small and
// independent, as in running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 3.3,
// with squares for absolute values):
//   an operation       r(y)^2 = sum of (dy/dx r(x))^2 over its operands + y^2, without y^2 where it is exact
//   a sum of n terms   r(y)^2 = sum of r(term)^2 + n (sum of term^2 + y^2) + y^2, since n partial sums, which
//   may be as large as the whole, were rounded. Equal terms round alike: they are n r(term) off together,
//   and n^2/16 y^2 come on top, as where some may be equal and are added in their order (scatter-add)
//   a move             r moves along
// What may come out as something else altogether (a comparison of what is equal but for rounding, an index
// computed from such a one) has r = infinity. A number that is denormal in f32 may have become zero.

// A number that is broadcast has one error in all its copies, which a sum of them adds up like with like: its
// part of r is kept apart until then, and grows with the sum of |term|.
struct Rounding {
  runtime::HostTensor alone;        // f64, of the value's shape
  runtime::HostTensor common = {};  // likewise, undefined where nothing is

  runtime::HostTensor total() const;
};

// The r of each result of an op, from its operands' and those of `in`. `kernel` is the op's own.
std::vector<Rounding> roundings(const Invocation& invocation, Kernel kernel, std::span<const Rounding> in,
                                double unit);

// Of a value as it is given: zero but for denormal numbers.
Rounding exact_rounding(const runtime::HostTensor& value, double unit);

}  // namespace sinter::reference
