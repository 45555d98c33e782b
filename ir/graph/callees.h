#pragma once

#include <set>
#include <string>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::graph {

// The name of the function that an op runs: that of a call or a scan; "" for every other op.
std::string callee(const Op& op);

// The names of all functions that an op refers to: what it runs, and the vjp of a call.
std::vector<std::string> callees(const Op& op);

// The functions of a module, a callee before its callers.
std::vector<Function*> callees_first(const Module& module);

// Whether the op is a call that means its callee's body and nothing else: neither `checkpoint` nor `vjp`
// waits for differentiation.
bool is_plain_call(const Op& op);

// The states that `function` reads or writes, as `code` says, itself or in what it runs.
std::set<std::string> states_touched(const Module& module, const Function& function, OpCode code);

}  // namespace sinter::graph
