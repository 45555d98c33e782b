#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "ir/graph/graph.h"
#include "passes/options.h"
#include "runtime/executable.h"

namespace sinter {

// Runs a function on a device, on state of zeros where none is given, and says where it differs from the
// reference interpreter; "" where it does not. Each float may be as far from what the reference gives in f64
// as two roundings of the whole computation would put it, and four times as far as the reference in f32 is,
// where that is farthest for its size:
//   |got - wide| <= (2 + 4 d) u r,   d = max |narrow - wide| / (u r),   u = 2^-23
// r being the element's own, estimated by the reference beside its value (backends/reference/rounding.h): for
// a sum of n terms sqrt(n) times the root of the sum of their squares. What has r = 0, since it was only
// moved, and what is no float is compared to the bit, but for the sign of zeros and what hangs on a
// comparison that rounding may turn round. Of functions of f64 alone u is 2^-52, and 64 stands for 2, as
// nothing wider is there to measure the reference by. State is compared as outputs are. Where a check fails
// on one, it must on both, and leave state as it was.
//   output 1 [3,7] is 1.25, expected 0.5 within 1e-06
std::string difference_from_reference(const graph::Module& module, const graph::Function& function,
                                      const backends::Device& device, const runtime::Executable& executable,
                                      const std::vector<runtime::HostTensor>& inputs,
                                      const std::vector<runtime::HostTensor>& state = {},
                                      size_t* result = nullptr);
// Of the outputs that something gave for these inputs, of a function without state, seed and step being 0.
std::string difference_from_reference(const graph::Module& module, const graph::Function& function,
                                      const std::vector<runtime::HostTensor>& inputs,
                                      const std::vector<runtime::HostTensor>& outputs);
// On inputs and state that are drawn: floats of both signs, positive ones, and ties, halves, integers, zeros
// of both signs, the large and the small among each other; indices that are in range. `result` is told which
// output, or behind those which state, it is that differs.
std::string difference_on_random_inputs(const graph::Module& module, const graph::Function& function,
                                        const backends::Device& device, const runtime::Executable& executable,
                                        size_t* result = nullptr);
// On given inputs, of a function that is compiled for it, gradients and all.
std::string difference_from_reference(const graph::Module& module, std::string_view function,
                                      const backends::Device& device,
                                      const std::vector<runtime::HostTensor>& inputs,
                                      const passes::Options& options = {});

}  // namespace sinter
