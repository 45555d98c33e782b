#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// What the kernels of one op alone would take of a target's limits, at most.
struct Trial {
  int64_t buffers = 0;
  int64_t iterations = 0;
};

// `uses` says which of its results are written.
Trial try_out(const graph::Op& op, const graph::ValueMap<int>& uses, const loop::Target& target);

}  // namespace sinter::passes
