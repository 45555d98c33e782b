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

// Runs a function on a device, on state of zeros, and says where it differs from the reference interpreter;
// "" where it does not. Floats may be four times as far from what the reference gives in f64 as the reference
// in f32 is, and as much more as 2 ulp of the largest magnitude are, added up as often as its longest sum has
// terms. Functions of f64 alone, and all else, are compared with the reference as it is; state is compared as
// outputs are. Where a check fails on one, it must on both.
//   output 1 [3,7] is 1.25, expected 0.5 within 1e-06
std::string difference_from_reference(const graph::Module& module, const graph::Function& function,
                                      const backends::Device& device, const runtime::Executable& executable,
                                      const std::vector<runtime::HostTensor>& inputs);
// On inputs that are drawn: floats of both signs, then positive ones, and indices that are in range.
std::string difference_on_random_inputs(const graph::Module& module, const graph::Function& function,
                                        const backends::Device& device,
                                        const runtime::Executable& executable);
// On given inputs, of a function that is compiled for it, gradients and all.
std::string difference_from_reference(const graph::Module& module, std::string_view function,
                                      const backends::Device& device,
                                      const std::vector<runtime::HostTensor>& inputs,
                                      const passes::Options& options = {});

}  // namespace sinter
