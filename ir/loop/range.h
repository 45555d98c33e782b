#pragma once

#include <cstdint>
#include <limits>
#include <unordered_map>

#include "ir/loop/expr.h"

namespace sinter::loop {

// The values begin .. end - 1.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};
using RangeMap = std::unordered_map<VariableRef, Range>;

// Bounds of a value, both included; the extreme values of int64_t stand for unbounded.
struct Interval {
  static constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

  int64_t low = kLowest;
  int64_t high = kHighest;

  bool bounded_below() const { return low != kLowest; }
  bool bounded_above() const { return high != kHighest; }
  bool within(int64_t least, int64_t most) const { return low >= least && high <= most; }
};

Interval operator+(Interval a, Interval b);
Interval operator*(Interval a, int64_t factor);

// What `ranges` proves of an integer expression. Looks `depth` operations deep.
Interval interval_of(const Expr& x, const RangeMap& ranges, int depth = 64);

}  // namespace sinter::loop
