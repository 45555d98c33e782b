#include "passes/schedule/reduce/parts.h"

#include <algorithm>

#include "ir/integers.h"
#include "passes/base/costs.h"

namespace sinter::passes {
namespace {

constexpr int64_t kColumnsOfGroup = 32;
constexpr double kBytesOfGroup = 8;        // a cycle, of what a workgroup has under way
constexpr double kWorthLaunch = 0.75;      // of the time, that parts take at most
constexpr int64_t kRowsOfPart = 64;        // that have workgroups, where columns are summed
constexpr int64_t kElementsOfPart = 1024;  // of a row, for 128 lanes

double cycles_of(const ReductionProblem& p, const loop::Target& target) {
  const auto groups = static_cast<double>(p.rows * ceil_div(p.columns, kColumnsOfGroup));
  const auto bytes = static_cast<double>(p.rows * p.length * p.columns * p.element_bytes);
  return std::max(bytes / groups / kBytesOfGroup,
                  bytes / kBytesACycle / static_cast<double>(target.multiprocessors));
}

}  // namespace

int64_t parts_of_reduction(const ReductionProblem& problem, int64_t extent, const loop::Target& target) {
  const int64_t shortest = problem.goes_along() ? kElementsOfPart : kRowsOfPart;
  int64_t best = 1;
  double least = cycles_of(problem, target) * (problem.is_beside ? 1 : kWorthLaunch);
  for (int64_t parts = 2; parts <= extent && problem.length / parts >= shortest; ++parts) {
    if (extent % parts != 0) continue;
    // What is read by fours stays so.
    if (problem.goes_along() && extent % 4 == 0 && extent / parts % 4 != 0) continue;
    ReductionProblem part = problem, whole = problem;
    part.rows *= parts;
    part.length /= parts;
    whole.length = parts;
    const double now =
        cycles_of(part, target) + cycles_of(whole, target) + (problem.is_beside ? 0 : kCyclesOfLaunch);
    if (now >= least) continue;
    least = now;
    best = parts;
  }
  return best;
}

}  // namespace sinter::passes
