#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "ir/graph/graph.h"
#include "passes/base/arguments.h"

namespace sinter::passes {

// Lets each rank of a step keep and update a part of the state that only the step itself uses, moments say:
// what is made with a rank's part, new weights, the others get from it.
//   needs   a function that several ranks share, as split_batch leaves it
//   leaves  the function of one of them, without the updates of the others, and which rank keeps which state
//
//   %2 = f %g, %w, %m                     rank 1, where rank 0 keeps m:
//   %3 = g %g, %m                           %2 = read {state="w"}
//   write %2 {state="w"}                    %3 = all_gather %2 {owners=[0],rank=1,...}
//   write %3 {state="m"}                    write %3 {state="w"}
//
// States are kept together where what is written to one is made with another. Those that anything else
// depends on, an output or a check say, every rank keeps and makes. The largest first, each such group is for
// the rank that keeps the fewest bytes until then.
struct Sharding {
  std::string of;
  int64_t rank = 0, ranks = 1;
  std::set<std::string> shared = {};  // states that other functions use too
};
// By state, the rank that keeps it; those that every rank keeps are not in it.
using Owners = std::map<std::string, int64_t, std::less<>>;
Owners shard(graph::Module& module, const Sharding& sharding);  // the same for every `rank`

// The same by arguments: of=FUNCTION, rank=N, ranks=N, and shared=STATE for each.
void shard(graph::Module& module, const Arguments& arguments);

}  // namespace sinter::passes
