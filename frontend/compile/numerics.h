#pragma once

#include <string>
#include <string_view>

#include "backends/non_finite.h"
#include "ir/graph/graph.h"

namespace sinter {

// Repeats a call on the reference, op by op as the function is written, and says which op first gave what is
// not finite and came into a result (backends/non_finite.h), the same whatever the device. `counts` says what
// the call's number is of, "step" or "call". `fault` is what the device said; where the reference finds all
// results finite, that is told.
//   train: output 'loss' is not finite: nan in step 12 of seed 0
//     first: exp gives inf at [2,5] of f32[8,16] (model.cc:42, in layers.2)
//       operand 0 (result of add): f32[8,16] from 0 to 93.5
//     then: mul of a gradient gives nan at 16 of 128 elements, the first at [2,0] of f32[8,16] (model.cc:44)
//       ...
std::string numerics_report(const graph::Module& module, std::string_view function,
                            const backends::RepeatedCall& call, std::string_view counts,
                            std::string_view fault);

}  // namespace sinter
