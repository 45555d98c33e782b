#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// What a schedule decides, each number by its name: one, a list of them, or none where the name says all.
using Numbers = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// A schedule by its name, and what it decides: all that its loops do not follow from the kernel alone. As
// text, a kernel's attribute `choice`:
//
//   contract.tiles rows=6 width=16 runs=1,4 unroll=4 pack_rhs
struct Choice {
  std::string schedule;
  Numbers numbers;

  friend bool operator==(const Choice&, const Choice&) = default;
};

// Bounds of what may be chosen.
inline constexpr int64_t kMostVectors = 8;  // that are taken at once
inline constexpr int64_t kMostOfUnit = int64_t{1} << 30;

std::string print(const Choice& choice);
// `location`: of the kernel, for the GraphError that says what is no choice.
Choice parse_choice(std::string_view text, const graph::Location& location = {});

// Reads a choice: a GraphError where a number is missing, none of those that there may be, or left over.
class ChoiceReader {
 public:
  ChoiceReader(const Choice& choice, const graph::Location& location)
      : choice_(choice), location_(location), is_read_(choice.numbers.size()) {}

  int64_t number(std::string_view name, int64_t least, int64_t most);
  int64_t number_or(std::string_view name, int64_t otherwise, int64_t least, int64_t most);
  // Any number of them.
  std::vector<int64_t> list(std::string_view name, int64_t least, int64_t most);
  bool flag(std::string_view name);
  // `lanes`: elements that are taken at once, a power of two.
  int64_t lanes(int64_t most);

  void require(bool holds, std::string_view otherwise) const;
  // Nothing is left.
  void finish() const;

 private:
  const std::vector<int64_t>* find(std::string_view name);
  int64_t within(std::string_view name, int64_t value, int64_t least, int64_t most) const;
  [[noreturn]] void refuse(std::string_view reason) const;

  const Choice& choice_;
  const graph::Location& location_;
  std::vector<bool> is_read_;
};

}  // namespace sinter::passes
