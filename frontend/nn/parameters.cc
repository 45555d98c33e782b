#include <fmt/format.h>
#include <sinter/parameters.h>

#include <algorithm>

#include "frontend/base/ranges.h"

namespace sinter {

Parameters::Parameters(const nn::Module& module, const ParameterPredicate& takes) : given_(true) {
  for (const nn::Parameter* parameter : module.parameters()) {
    if (!takes || takes(*parameter)) add(parameter);
  }
}

Parameters::Parameters(const std::vector<nn::Parameter*>& list, std::source_location where)
    : Parameters(std::vector<const Variable*>(list.begin(), list.end()), where) {}

Parameters::Parameters(const std::vector<const Variable*>& list, std::source_location where) : given_(true) {
  const Ranges ranges("Parameters", where);
  for (const Variable* parameter : list) {
    if (parameter == nullptr) ranges.fail("one of the list is null");
    if (dynamic_cast<const nn::Parameter*>(parameter) == nullptr) {
      ranges.fail(fmt::format("'{}' is no parameter", parameter->path()));
    }
    add(parameter);
  }
}

Parameters::Parameters(std::initializer_list<Parameters> parts) : given_(true) {
  for (const Parameters& part : parts) {
    for (const Variable* parameter : part.all_) add(parameter);
  }
}

void Parameters::add(const Variable* parameter) {
  if (std::find(all_.begin(), all_.end(), parameter) == all_.end()) all_.push_back(parameter);
}

void freeze(const Parameters& parameters) {
  for (const Variable* parameter : parameters.all()) parameter->set_trainable(false);
}

void unfreeze(const Parameters& parameters) {
  for (const Variable* parameter : parameters.all()) parameter->set_trainable(true);
}

void initialize(const Parameters& parameters, const Initializer& initializer) {
  for (const Variable* parameter : parameters.all()) parameter->set_initializer(initializer);
}

}  // namespace sinter
