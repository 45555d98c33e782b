#pragma once

#include <sinter/nn/module.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "frontend/base/ranges.h"

namespace sinter::nn {

// The name, after `check(ranges)` has seen the options of a layer that `owner` gets by it.
template <typename F>
Name checked(std::string_view layer, const Module& owner, const Name& name, F&& check) {
  const std::string path = owner.path();
  std::forward<F>(check)(Ranges(layer, name.where(), path.empty() ? name.text() : path + "." + name.text()));
  return name;
}

// How a parameter begins whose layer has so many inputs of an output, and outputs of an input: as given, or
// as in PyTorch, uniform in +-1/sqrt(bound_by).
inline Initializer begun(const std::optional<Initializer>& given, int64_t in, int64_t out, int64_t bound_by) {
  const double bound = 1 / std::sqrt(static_cast<double>(std::max<int64_t>(bound_by, 1)));
  return given.value_or(Initializer::uniform(-bound, bound)).with_fans(in, out);
}

inline Tensor read(const std::optional<Parameter>& parameter, const Operand& x) {
  return parameter ? parameter->read(x.where()) : Tensor();
}

}  // namespace sinter::nn
