#pragma once

#include <stdexcept>
#include <string>

namespace sinter {

// A mistake in the program being built or compiled, told to the person who wrote it: the message says what
// was expected, what came, and where in the user's source.
class GraphError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A mistake of ours: an invariant of the compiler does not hold.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace sinter
