#pragma once

#include <cstdint>

namespace sinter::passes {

// In how many parts, no more than `most`, a sum along an axis of `extent` is done soonest: a divisor of it,
// for which `cycles(parts)` is least, and less than `whole`; else 1. Where it keeps fours, what is read by
// four of the axis still is.
template <typename Cycles>
int64_t soonest_parts(int64_t extent, int64_t most, bool keeps_fours, double whole, const Cycles& cycles) {
  int64_t best = 1;
  for (int64_t parts = 2; parts <= extent && parts <= most; ++parts) {
    if (extent % parts != 0) continue;
    if (keeps_fours && extent % 4 == 0 && extent / parts % 4 != 0) continue;
    if (const double now = cycles(parts); now < whole) {
      whole = now;
      best = parts;
    }
  }
  return best;
}

}  // namespace sinter::passes
