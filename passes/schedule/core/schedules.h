#pragma once

#include <string_view>
#include <vector>

#include "ir/graph/anchor.h"
#include "passes/schedule/core/choice.h"
#include "passes/schedule/core/template.h"

namespace sinter::passes {

// One way to make the loops of the kernels of an anchor.
struct Schedule {
  graph::Anchor anchor;
  std::string_view name;
  // What it may decide for a kernel on a machine, best first; nothing where it does not suit them.
  std::vector<Numbers> (*choices)(Template& t);
  // The loops for one choice, which decide nothing more; a GraphError where the choice does not suit.
  loop::Kernel (*emit)(Template& t, const Choice& choice);
  // Whether it makes workgroups that work together: kernels side by side in one then have the same `lanes`,
  // unless the machine dispatches parts.
  bool by_workgroup = false;
};

// In schedule.cc they stand in order.
extern const Schedule kMapFlat, kMapRows;
extern const Schedule kReduceWorkgroups, kReduceRows, kReduceColumnWorkgroups, kReduceColumns;
extern const Schedule kContractWorkgroups, kContractDots, kContractTiles;
extern const Schedule kScatterRows, kScatterRuns;
extern const Schedule kUpdate;
extern const Schedule kConcat;
extern const Schedule kCumsum, kTopK;
extern const Schedule kSortRuns, kSortMerge;
extern const Schedule kAttentionRows, kAttentionWorkgroups, kAttentionThreads;
extern const Schedule kAttentionBackwardRows, kAttentionBackwardWorkgroups, kAttentionBackwardThreads;

}  // namespace sinter::passes
