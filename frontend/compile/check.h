#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backends/backend.h"
#include "ir/graph/graph.h"
#include "passes/options.h"

namespace sinter {

struct CheckResult {
  int64_t kernels = 0;       // that agree with the reference by themselves
  std::string disagreement;  // of the first that does not, or of the function; empty where all agree
};

// Compiles a function for a device, runs each of its kernels by itself, then all of it, on random inputs and
// state, and holds them against the reference: frontend/compile/compare.h. Equal kernels are run once. A
// device that executes no loops has no kernels.
//   kernel 'contract+max at encoder.0' disagrees with the reference:
//     output 0 [3,7] is 1.25, expected 0.5 within 1e-06
//     in it: contract classifier.cpp:42, in encoder.0
// Where only the whole disagrees, the first kernel is told that is wrong there.
CheckResult check_function(const graph::Module& module, std::string_view function,
                           const backends::Device& device, const passes::Options& options = {});

}  // namespace sinter
