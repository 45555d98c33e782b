#pragma once

#include <sinter/types.h>

#include <cstdint>
#include <vector>

#include "runtime/executable.h"

// What ranks compare before they make something together.
namespace sinter {

// A hash of what a call is given, there or in the context's memory. That other data lies in a device's memory
// goes unnoticed.
uint64_t data_mark(runtime::Context& context, const runtime::Call& call,
                   const std::vector<TensorInfo>& inputs);
// A hash of which function it is of, and which step.
uint64_t program_mark(uint64_t identity, uint32_t step, uint64_t seed);

}  // namespace sinter
