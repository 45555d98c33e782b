#pragma once

#include <optional>

#include "ir/graph/graph.h"
#include "ir/loop/expr.h"

namespace sinter::loop {

// What an elementwise op of the graph is on scalars; nothing of other ops, and of casts.
std::optional<ScalarOp> scalar_op(graph::OpCode code);

}  // namespace sinter::loop
