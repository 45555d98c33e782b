#pragma once

#include <sinter/nn/module.h>

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

}  // namespace sinter::nn
