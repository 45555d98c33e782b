#pragma once

#include <sinter/export.h>

#include <stdexcept>
#include <string>

namespace SINTER_EXPORT sinter {

// Everything that Sinter throws. The message says what was expected, what came and, for a mistake in a model,
// where in your source and in which module:
//   Linear: takes x f32[...,7], got f32[4,8] (classifier.cpp:42, in classes)
class Error : public std::runtime_error {
 public:
  enum class Kind {
    usage,    // a mistake in a model, a call or a file: yours to correct
    internal  // a mistake in Sinter: please report it
  };

  explicit Error(const std::string& message, Kind kind = Kind::usage)
      : std::runtime_error(message), kind_(kind) {}

  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace sinter
