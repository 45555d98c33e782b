#pragma once

#include "passes/split_batch/pairing.h"
#include "passes/split_batch/stages.h"

namespace sinter::passes {

// What micro-batches would give another result for than the whole batch. Both throw GraphError.

// A value asked for of the whole batch may not be made of a sum and of what rows made of their micro-batch's
// part of that sum: log(sum(exp(x - max))) + max.
void check_sums(const Pairing& pairing, const Stages& stages, int stage);

// The rows of an output lie in the order of the batch: those of each micro-batch stand behind those of the
// one before.
void check_order(const Pairing& pairing);

}  // namespace sinter::passes
