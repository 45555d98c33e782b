#pragma once

#include <random>
#include <string>
#include <vector>

#include "ir/graph/graph.h"
#include "runtime/tensor.h"

namespace sinter::test {

enum class Values {
  hostile,  // NaN, infinities, -0, ties, the largest and least of a type
  mild,     // of size one, so that rounding stays small
};

// Inputs for every parameter of the function.
std::vector<runtime::HostTensor> random_inputs(const graph::Function& function, Values values,
                                               std::mt19937& random);

// What differs, or "". With no tolerance every bit counts, but for which NaN it is; with one, floating values
// may differ by that much times the larger magnitude or one, and the sign of a zero does not count.
std::string difference(const std::vector<runtime::HostTensor>& expected,
                       const std::vector<runtime::HostTensor>& got, double tolerance);

// Runs the first function of both modules on the same random inputs. State is made up too.
std::string difference(const graph::Module& before, const graph::Module& after, Values values,
                       double tolerance, std::mt19937& random);

int count(const graph::Module& module, graph::OpCode code);  // in its first function

}  // namespace sinter::test
