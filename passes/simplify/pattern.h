#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "passes/simplify/editor.h"

namespace sinter::passes {

// A term of a rule, as parsed from text such as "cast{dtype=t}(cast{dtype=u}(x))":
//   x           any value; the same name is the same value
//   1, -0, inf  a constant of which every element is that number, to the bit; true and false likewise
//   neg(x)      the op, which must bind every attribute it has: transpose{permutation=p}(x)
// Operands of ops that commute match in either order.
struct Term {
  enum class Kind : uint8_t { value, number, truth, op };

  Kind kind;
  int slot = 0;       // of a value
  double number = 0;  // of a number, 0 or 1 of a truth
  graph::OpCode code = graph::OpCode::neg;
  std::vector<Term> operands;
  std::vector<std::pair<std::string, int>> attributes;  // and the slots that hold them
};

constexpr size_t kMostSlots = 4;

// What the names of a pattern stand for.
struct Match {
  std::array<graph::Value, kMostSlots> values;
  std::array<const graph::Attribute*, kMostSlots> attributes{};
};

// The names that a rule's two sides share.
struct Names {
  std::vector<std::string> values, attributes;
};

// Throws InternalError where the text is no term, or leaves out an attribute of an op.
Term parse_term(std::string_view text, Names& names);

bool match(const Term& term, const Editor& e, const graph::Op& op, Match& bound);
// `like` gives constants their type.
graph::Value build(const Term& term, Editor& e, const Match& bound, const graph::TensorType& like);

}  // namespace sinter::passes
