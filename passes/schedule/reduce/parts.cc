#include "passes/schedule/reduce/parts.h"

#include <algorithm>

#include "ir/integers.h"
#include "passes/base/costs.h"
#include "passes/schedule/core/parts.h"

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
  const double whole = cycles_of(problem, target) * (problem.is_beside ? 1 : kWorthLaunch);
  return soonest_parts(extent, problem.length / shortest, problem.goes_along(), whole, [&](int64_t parts) {
    ReductionProblem part = problem, rest = problem;
    part.rows *= parts;
    part.length /= parts;
    rest.length = parts;
    return cycles_of(part, target) + cycles_of(rest, target) + (problem.is_beside ? 0 : kCyclesOfLaunch);
  });
}

}  // namespace sinter::passes
