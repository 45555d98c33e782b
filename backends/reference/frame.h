#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/reference/rounding.h"
#include "ir/graph/graph.h"
#include "runtime/tensor.h"

namespace sinter::reference {

// A value, and how far it may be off, or which births its elements go back to, where that is asked for
// (rounding.h, non_finite.h).
struct Estimated {
  runtime::HostTensor value;
  Rounding rounding = {};
  runtime::HostTensor origins = {};
};

// A function while it runs, and the op that runs it, whose operands stand in order for its parameters.
struct Frame {
  const graph::Function& function;
  const graph::Op* caller = nullptr;  // none for the outermost
  const Frame* outer = nullptr;
  graph::ValueMap<Estimated> values = {};
  int64_t turn = 0;  // of a scan
};

// What a person would call `value`: the outermost function's parameter or the state that it is, seen through
// views, casts, checks and calls, or else the op that made it.
std::string origin(graph::Value value, const Frame& frame);

}  // namespace sinter::reference
