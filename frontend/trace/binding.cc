#include "frontend/trace/binding.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>

#include "frontend/base/names.h"

namespace sinter {
namespace {

bool is_free(const Extent& extent, const DimSizes& known) {
  return extent.dim() && !known.contains(*extent.dim());
}

bool has_free(const Input& input, const DimSizes& known) {
  for (const Extent& extent : input.shape) {
    if (is_free(extent, known)) return true;
  }
  return false;
}

[[noreturn]] void misfit(const std::string& function, const Input& input, const Array& array,
                         const std::string& reason = "") {
  throw Error(fmt::format("{}: input '{}' is {}{}, got {}{}", function, input.name, name(input.dtype),
                          input.shape.text(), to_string(array.dtype(), array.shape()), reason));
}

}  // namespace

std::string no_extent(const Extent& extent, int64_t size) {
  if (!extent.dim()) return fmt::format("{} is no extent", extent.text());
  return fmt::format("{} is no extent where {} = {}", extent.text(), extent.dim()->name, size);
}

bool has_dim(const std::vector<Input>& inputs, const Dim& dim) {
  for (const Input& input : inputs) {
    for (const Extent& extent : input.shape) {
      if (extent.dim() == dim) return true;
    }
  }
  return false;
}

const Dim* leading_dim(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) {
    if (input.shape.begin() == input.shape.end()) continue;
    if (const auto& dim = input.shape.begin()->dim()) return &*dim;
  }
  return nullptr;
}

Shape bind_shape(const std::string& function, const Input& input, const DimSizes& sizes) {
  Shape shape;
  for (const Extent& extent : input.shape) {
    const int64_t size = extent.dim() ? sizes.at(*extent.dim()) : 0;
    const std::optional<int64_t> number = extent.bound(size);
    if (!number || *number < 0) {
      throw Error(fmt::format("{}: input '{}': {}", function, input.name, no_extent(extent, size)));
    }
    shape.push_back(*number);
  }
  return shape;
}

DimSizes solve_dims(const std::string& function, const std::vector<Input>& inputs, const Arrays& arrays,
                    const DimSizes& known) {
  DimSizes solved;
  std::map<Dim, std::string> sources;  // the inputs that gave the sizes
  for (const Input& input : inputs) {
    if (!has_free(input, known)) continue;
    const Array& array = arrays.find(input.name)->second;
    if (!array.defined()) throw Error(fmt::format("{}: input '{}' is undefined", function, input.name));
    if (array.dtype() != input.dtype || array.shape().size() != input.shape.size()) {
      misfit(function, input, array);
    }
    for (size_t axis = 0; axis < input.shape.size(); ++axis) {
      const Extent& extent = input.shape[axis];
      if (!is_free(extent, known) || solved.contains(*extent.dim())) continue;
      const std::optional<int64_t> size = extent.solved(array.shape()[axis]);
      if (!size) misfit(function, input, array, fmt::format(", which no '{}' gives", extent.dim()->name));
      solved[*extent.dim()] = *size;
      sources[*extent.dim()] = input.name;
    }
    for (size_t axis = 0; axis < input.shape.size(); ++axis) {
      const Extent& extent = input.shape[axis];
      if (!is_free(extent, known)) continue;
      const int64_t size = solved.at(*extent.dim());
      if (extent.bound(size) == array.shape()[axis]) continue;
      misfit(function, input, array,
             fmt::format("; '{}' gives {} = {}", sources.at(*extent.dim()), extent.dim()->name, size));
    }
  }
  return solved;
}

}  // namespace sinter
