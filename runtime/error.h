#pragma once

#include <stdexcept>
#include <string>

namespace sinter {

// What the caller of a compiled program, or the input it was given, did wrong: a wrong name, shape or
// type at a call, a damaged file, an index outside its table, a loss that is not finite.
class RuntimeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A value that was to be finite and is not.
class NotFinite : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

}  // namespace sinter
