#include "passes/split_batch/share.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "runtime/collectives/tree.h"

namespace sinter::passes {

std::vector<int64_t> Share::turns() const {
  std::vector<int64_t> turns(loops.rbegin(), loops.rend());
  if (is_apart) turns.insert(turns.begin(), count);
  return turns;
}

Share share_of(int64_t parts, int64_t rank, int64_t ranks) {
  if (ranks < 1 || rank < 0 || rank >= ranks)
    throw GraphError(fmt::format("split_batch: rank {} is outside [0,{})", rank, ranks));
  if (parts < ranks) {
    throw GraphError(fmt::format("split_batch: {} ranks cannot share parts={}", ranks, parts));
  }
  const runtime::Leaves leaves = runtime::leaves_of(parts, static_cast<int>(ranks), static_cast<int>(rank));
  Share share{parts, rank, ranks, leaves.first, leaves.count, {}, !leaves.is_one};
  int64_t left = share.is_apart ? 1 : share.count;
  for (const int64_t children : runtime::levels_of(parts)) {
    if (left == 1) break;
    share.loops.push_back(std::min(children, left));
    left /= share.loops.back();
  }
  if (share.loops.empty()) share.loops.push_back(1);
  return share;
}

}  // namespace sinter::passes
