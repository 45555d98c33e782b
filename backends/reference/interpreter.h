#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "backends/reference/non_finite.h"
#include "ir/graph/graph.h"
#include "runtime/collectives/communicator.h"
#include "runtime/executable.h"
#include "runtime/tensor.h"

// The oracle: computes the Graph IR as written, op by op, composites by their decomposition.
namespace sinter::reference {

struct EvaluateState {
  runtime::HostState* state = nullptr;  // may be null where the function neither reads nor writes any
  uint64_t seed = 0;
  uint32_t step = 0;
  // Of what ranks make together; null: there is one rank.
  runtime::Communicator* communicator = nullptr;
  runtime::CallMarks marks = {};
};

using runtime::Roundings;  // rounding.h

// The outputs of `function`, in their order. A read of a state that this run has written gives what was
// written. State changes at the end; not at all where a check failed, which throws RuntimeError. Throws
// InternalError on a `grad`: differentiate expands those. Where `roundings` are asked for, they are filled
// in.
std::vector<runtime::HostTensor> evaluate(const graph::Module& module, const graph::Function& function,
                                          const std::vector<runtime::HostTensor>& inputs,
                                          const EvaluateState& state = {}, Roundings* roundings = nullptr);

// What of the function's outputs, of the states that it writes and of what is checked to be finite is not,
// and where that comes from (non_finite.h); nothing where all is. Changes no state. `of_gradients` are the
// ops that differentiate has made.
std::optional<NonFiniteResult> first_non_finite(const graph::Module& module, const graph::Function& function,
                                                const std::vector<runtime::HostTensor>& inputs,
                                                const EvaluateState& state,
                                                const std::unordered_set<const graph::Op*>& of_gradients);

}  // namespace sinter::reference
