#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph/graph.h"
#include "runtime/tensor.h"
#include "tests/fuzz/programs/writer.h"

// Random programs of the Graph IR. A seed gives the same program with any compiler.
namespace sinter::fuzz {

constexpr const char* kFunction = "f";

// Adds about so many ops.
void write_some(Writer& w, int64_t count);

struct Program {
  graph::Module module;     // its function kFunction is what is run; with gradients, as `grad` ops
  graph::Module rewritten;  // the same function by other means: rewrite.h
};
// `large`: of extents and products that fill a workgroup.
Program make_program(uint64_t seed, bool large = false);

// Inputs of a function, from the types and names of its parameters alone; `which` chooses between sets. In
// every third some indices are out of bounds.
std::vector<runtime::HostTensor> inputs_for(const graph::Function& function, int which);

}  // namespace sinter::fuzz
