#pragma once

#include <array>
#include <optional>

#include "ir/graph/graph.h"
#include "ir/loop/expr.h"

namespace sinter::loop {

// A reduction: the graph's op over axes; what combines two elements, in the graph and in loops; and the
// operation over the lanes of a vector.
struct Reducer {
  graph::OpCode reduction, elementwise;
  ScalarOp combine, lanes;
};

// All reductions there are.
inline constexpr std::array kReducers = {
    Reducer{graph::OpCode::reduce_sum, graph::OpCode::add, ScalarOp::add, ScalarOp::lane_sum},
    Reducer{graph::OpCode::reduce_max, graph::OpCode::max, ScalarOp::max, ScalarOp::lane_max},
    Reducer{graph::OpCode::reduce_min, graph::OpCode::min, ScalarOp::min, ScalarOp::lane_min},
};

const Reducer& reducer_of(graph::OpCode reduction);  // throws InternalError where it is none
const Reducer* reducer_of_lanes(ScalarOp lanes);     // nullptr where it is none

inline bool is_lane_reduction(const ExprNode& x) {
  return x.kind == ExprNode::Kind::apply && reducer_of_lanes(x.op) != nullptr;
}

// What combined with an element leaves it as it is: 0, the least or the greatest of the type. Of `combine`.
Expr identity(ScalarOp combine, Type type);

}  // namespace sinter::loop
