#pragma once

#include <sinter/variable.h>

#include <string>
#include <utility>

#include "frontend/base/ranges.h"

namespace sinter {

// State that training keeps beside the parameters; zero when a program begins.
class SINTER_INTERNAL TrainingState final : public Variable {
 public:
  TrainingState(std::string path, DType type, Shape shape)
      : Variable(type, std::move(shape), Initializer::zeros(), false), path_(std::move(path)) {}

  std::string path() const override { return path_; }

 private:
  std::string path_;
};

// Throws Error unless the option `name` may begin the path of a state.
void check_name_of_state(const Ranges& ranges, const std::string& name);

}  // namespace sinter
