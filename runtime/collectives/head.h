#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sinter::runtime {

// What all ranks must have in common when they call a function.
struct CallMarks {
  uint64_t program = 0;  // which function, and which step of it
  uint64_t data = 0;     // its inputs
};

// The first check of a call that did not hold.
struct CollectiveFault {
  int64_t site = -1;  // -1: none
  int64_t position = 0;
  int64_t bits = 0;
};

// What a rank says before its data of a collective.
struct Head {
  uint64_t what = 0;  // which collective
  CallMarks marks = {};
  CollectiveFault fault = {};
};

// Heads of all ranks, by rank. Which rank does something else, and what: "rank 1 was given other data than
// rank 0"; the same on every rank. Where most agree, it is one that differs from them.
std::optional<std::string> disagreement(std::span<const Head> heads);

// That of the least site, then position, then rank.
CollectiveFault first_fault(std::span<const Head> heads);

}  // namespace sinter::runtime
