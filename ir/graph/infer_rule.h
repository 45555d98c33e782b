#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/graph/graph.h"
#include "ir/graph/module_names.h"

// For the files that infer types.
namespace sinter::graph {

using Types = std::vector<TensorType>;

inline std::string counted(size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// An op as it is about to be made, and what its rule asks of it. Throw GraphError that names the op.
struct Rule {
  const Module& module;
  OpCode code;
  std::span<const Value> operands;
  const Attributes& attributes;
  const ModuleNames* names = nullptr;  // of the module, where they are known

  const Function* find_function(std::string_view function) const {
    return names != nullptr ? names->find_function(function) : module.find_function(function);
  }
  const State* find_state(std::string_view state) const {
    return names != nullptr ? names->find_state(state) : module.find_state(state);
  }
  const TensorType& type(size_t operand) const { return operands[operand].type(); }
  const Shape& shape(size_t operand) const { return type(operand).shape; }
  int64_t rank(size_t operand) const { return type(operand).rank(); }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw GraphError(fmt::format("{}: {}", name(code), fmt::format(format, std::forward<Args>(args)...)));
  }

  void require(bool holds, std::string_view what, size_t operand) const {
    if (!holds) fail("takes {}, got {}", what, to_string(type(operand)));
  }
  int64_t axis(std::string_view attribute, int64_t bound) const {
    const int64_t value = attributes.integer(attribute);
    if (value < 0 || value >= bound) fail("axis {} is outside {}", value, to_string(type(0)));
    return value;
  }
  const std::vector<int64_t>& per_axis(std::string_view attribute) const {
    const auto& values = attributes.integers(attribute);
    if (static_cast<int64_t>(values.size()) != rank(0)) {
      fail("'{}' has {} for {}, which has {}", attribute, counted(values.size(), "number", "numbers"),
           to_string(type(0)), counted(shape(0).size(), "axis", "axes"));
    }
    return values;
  }
  // The attribute 'axes': distinct, rising, of operand 0.
  const std::vector<int64_t>& sorted_axes() const {
    const auto& axes = attributes.integers("axes");
    for (size_t i = 0; i < axes.size(); ++i) {
      if (axes[i] < 0 || axes[i] >= rank(0)) fail("axis {} is outside {}", axes[i], to_string(type(0)));
      if (i > 0 && axes[i] <= axes[i - 1])
        fail("axes [{}] are not sorted and distinct", fmt::join(axes, ","));
    }
    return axes;
  }
  void require_index(size_t operand) const {
    require(is_integer(type(operand).dtype), "integer indices", operand);
  }
  Shape declared_shape() const {
    const Shape& declared = attributes.integers("shape");
    for (int64_t extent : declared) {
      if (extent < 0) fail("a negative extent in shape [{}]", fmt::join(declared, ","));
    }
    if (!is_valid(declared)) fail("shape [{}] is too large", fmt::join(declared, ","));
    return declared;
  }
};

// The types of a composite's results: those of its decomposition.
Types infer_composite(const Rule& rule);
// What ranks make together.
Types infer_collective(const Rule& rule);

}  // namespace sinter::graph
