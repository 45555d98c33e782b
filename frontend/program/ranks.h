#pragma once

#include <sinter/processes/communicator.h>
#include <sinter/program.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "frontend/trace/state_table.h"
#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "passes/shard/shard.h"
#include "runtime/collectives/communicator.h"
#include "runtime/executable.h"

namespace sinter {

// What takes part on the runtime's side, or null.
std::shared_ptr<runtime::Communicator> ranks_of(const std::shared_ptr<Communicator>& communicator);

// The same for what is traced alike, whatever rank it is compiled for; never 0.
uint64_t identity_of(const graph::Module& module);

// Throws Error on all ranks where `facts`, by what they are of, are not those of rank 0: "compile: rank 1 has
// another 'train' than rank 0".
void check_agreement(const Communicator& communicator, const std::string& what,
                     const std::map<std::string, uint64_t>& facts);

// Puts into the snapshot of each rank the states that others keep, once all of them have come this far.
void gather_states(const Communicator& communicator, const passes::Owners& owners,
                   const std::deque<StateEntry>& entries, Snapshot& snapshot);

// What a rank sends in a call, for Program::explain; "" of what is no step of several.
std::string explain_ranks(const loop::Program& program);

// The first rank does it, and all throw what it throws.
void by_first_rank(const Communicator& communicator, const std::string& what,
                   const std::function<void()>& work);

}  // namespace sinter
