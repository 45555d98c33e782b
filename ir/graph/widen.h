#pragma once

#include "ir/graph/graph.h"

namespace sinter::graph {

// The module with f64 wherever it has f32, in states, signatures and kernel bodies too, for an oracle that
// hardly rounds. Constants keep the values that f32 holds; random numbers are drawn in f32 and cast, so that
// masks and noise are those of the narrow module.
Module widen(const Module& module);

}  // namespace sinter::graph
