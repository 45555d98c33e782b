#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "ir/graph/graph.h"
#include "runtime/executable.h"
#include "runtime/tensor.h"

// Where NaNs and infinities come from, element by element.
namespace sinter::backends {

// A call to repeat: inputs, and the state and numbers that it began with.
struct RepeatedCall {
  std::span<const runtime::HostTensor> inputs;
  const runtime::StateStore& state;
  uint64_t seed = 0;
  uint32_t step = 0;
};

// An operation that gave a NaN none of whose terms is one, or an infinity all of whose terms are finite; or
// what was given to the function.
struct Birth {
  struct Operand {
    std::string name;   // "result of add", "x"
    std::string range;  // "f32[8,16] from 0 to 3.5"
  };

  // An infinity that is a constant, or in an input or a state before the call: written there on purpose, as
  // masks are. What it becomes is what counts.
  bool is_intended = false;
  std::string what;                 // "exp", "exp of softmax", "input 'x'"
  std::string where;                // "model.cc:42, in layers.2"; "" where unknown
  std::vector<std::string> within;  // the loops and calls that it was in, innermost first
  bool is_of_gradient = false;
  std::string type;  // "f32[8,16]"
  int64_t elements = 0, bad = 0;
  std::string values;    // "nan and -inf", as they come
  std::string position;  // of the first
  std::vector<Operand> operands = {};
  int32_t cause = 0;  // the birth of an infinity that became NaN here; 0: none
};

// A result that is not finite.
struct NonFiniteResult {
  std::string name;           // "output 'loss'"
  std::string value, at;      // "nan", " at position [3,2]"
  std::vector<Birth> births;  // the first, and what came of it
};

}  // namespace sinter::backends
