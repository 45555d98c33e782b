#include "runtime/executable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "runtime/error.h"

namespace sinter::runtime {
namespace {

std::string position_text(const Shape& shape, int64_t position) {
  Shape index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = position % shape[axis];
    position /= shape[axis];
  }
  return fmt::format("[{}]", fmt::join(index, ","));
}

std::string in_parentheses(std::string_view location) {
  return location.empty() ? std::string() : fmt::format(" ({})", location);
}

}  // namespace

HostState::HostState(std::vector<TensorSpec> specs) : specs_(std::move(specs)) {
  for (const TensorSpec& spec : specs_) tensors_.emplace_back(spec.dtype, spec.shape);
}

size_t HostState::index_of(std::string_view name) const {
  for (size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].name == name) return i;
  }
  throw RuntimeError(fmt::format("no state is called '{}'", name));
}

void HostState::set(std::string_view name, const HostTensor& value) {
  const size_t index = index_of(name);
  const TensorSpec& spec = specs_[index];
  if (value.dtype() != spec.dtype || value.shape() != spec.shape) {
    throw RuntimeError(fmt::format("state '{}' is {}, got {}", name, to_string(spec.dtype, spec.shape),
                                   to_string(value.dtype(), value.shape())));
  }
  std::memcpy(tensors_[index].raw(), value.raw(), value.bytes());
}

HostTensor HostState::get(std::string_view name) const {
  return tensors_[index_of(name)].clone();
}

std::string index_fault_message(std::string_view op, std::string_view input, const Shape& shape,
                                int64_t position, int64_t value, int64_t bound, std::string_view location) {
  return fmt::format("{}: index {} at position {} of '{}' is outside [0,{}){}", op, value,
                     position_text(shape, position), input, bound, in_parentheses(location));
}

std::string finite_fault_message(std::string_view what, const Shape& shape, int64_t position, double value,
                                 std::string_view location) {
  return fmt::format("{} is not finite: {} at position {}{}", what, value, position_text(shape, position),
                     in_parentheses(location));
}

}  // namespace sinter::runtime
