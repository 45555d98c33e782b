#pragma once

#include <unordered_set>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

using ValueSet = std::unordered_set<graph::Value, graph::ValueHash>;

// The floating values of `function` through which a change of `sources` passes, the sources among them. An op
// whose gradient is zero lets nothing pass; calls and scans let everything pass.
ValueSet depending_on(const graph::Function& function, const std::vector<graph::Value>& sources);

// The ops through which a change of `sources` reaches `sinks`.
std::unordered_set<const graph::Op*> ops_between(const graph::Function& function,
                                                 const std::vector<graph::Value>& sources,
                                                 const std::vector<graph::Value>& sinks);

// Takes out the ops that no output needs, parameters excepted, writes and checks included: for functions that
// repeat work done elsewhere.
void keep_what_outputs_need(graph::Function& function);

}  // namespace sinter::passes
