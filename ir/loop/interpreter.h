#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/loop/program.h"
#include "ir/loop/scalar.h"

// Runs the Loop IR on host memory, to test schedules without a code generator. Correctness before speed: it
// throws InternalError where a kernel does not verify, leaves the bounds of a buffer, or has threads,
// workgroups or lanes race; fresh local and shared memory holds NaN.
namespace sinter::loop {

struct Call {
  uint64_t seed = 0;
  int32_t step = 0;
  int64_t max_iterations = INT64_MAX;  // of the loops of one invocation; InternalError beyond
};

// The first position at which a check failed, and the value found there.
struct Fault {
  int64_t site = 0;
  int64_t position = 0;
  Scalar value;
};

// Faults in order of their sites, one a site.
std::vector<Fault> interpret(const Kernel& kernel, std::span<void* const> arguments, const Call& call = {});

// `slots` holds the memory of each slot. Where it is null, a constant is read from the program, and a place
// in the arena lies in one that lives for this call, filled with NaN.
std::vector<Fault> interpret(const Program& program, std::span<void* const> slots, const Call& call = {});

}  // namespace sinter::loop
