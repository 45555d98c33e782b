#pragma once

#include <sinter/variable.h>

#include <map>
#include <memory>
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

// One by its path, made when it is first asked for.
class SINTER_INTERNAL TrainingStates {
 public:
  TrainingState& at(const std::string& path, DType type, const Shape& shape) {
    auto& state = states_[path];
    if (state == nullptr) state = std::make_unique<TrainingState>(path, type, shape);
    return *state;
  }

 private:
  std::map<std::string, std::unique_ptr<TrainingState>> states_;
};

// Throws Error unless the option `name` may begin the path of a state.
void check_name_of_state(const Ranges& ranges, const std::string& name);

}  // namespace sinter
