#include "runtime/executable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/error.h"

namespace sinter::runtime {
namespace {

std::string in_parentheses(std::string_view location) {
  return location.empty() ? std::string() : fmt::format(" ({})", location);
}

}  // namespace

std::string position_text(const Shape& shape, int64_t position) {
  Shape index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = position % shape[axis];
    position /= shape[axis];
  }
  return fmt::format("[{}]", fmt::join(index, ","));
}

std::string at_position(const Shape& shape, int64_t position) {
  return shape.empty() ? "" : " at position " + position_text(shape, position);
}

void check_call(const ProgramLayout& layout, const Call& call) {
  if (call.inputs.size() == layout.inputs.size() && call.outputs.size() == layout.outputs.size()) return;
  throw RuntimeError(fmt::format("the program takes {} inputs and {} outputs, got {} and {}",
                                 layout.inputs.size(), layout.outputs.size(), call.inputs.size(),
                                 call.outputs.size()));
}

size_t StateStore::index_of(std::string_view name) const {
  const std::vector<TensorSpec>& all = specs();
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == name) return i;
  }
  throw RuntimeError(fmt::format("no state is called '{}'", name));
}

size_t StateStore::index_for(std::string_view name, const HostTensor& value) const {
  const size_t index = index_of(name);
  const TensorSpec& spec = specs()[index];
  if (value.dtype() != spec.dtype || value.shape() != spec.shape) {
    throw RuntimeError(fmt::format("state '{}' is {}, got {}", name, to_string(spec.dtype, spec.shape),
                                   to_string(value.dtype(), value.shape())));
  }
  return index;
}

HostState::HostState(std::vector<TensorSpec> specs) : specs_(std::move(specs)) {
  for (const TensorSpec& spec : specs_) tensors_.emplace_back(spec.dtype, spec.shape);
}

void HostState::set(std::string_view name, const HostTensor& value) {
  std::memcpy(tensors_[index_for(name, value)].raw(), value.raw(), value.bytes());
}

HostTensor HostState::get(std::string_view name) const {
  return tensors_[index_of(name)].clone();
}

std::unique_ptr<StateStore> HostState::with(const StateStore& other,
                                            std::span<const std::string> names) const {
  auto both = std::make_unique<HostState>(*this);
  const auto& more = dynamic_cast<const HostState&>(other);
  for (const std::string& name : names) {
    const size_t index = other.index_of(name);
    both->specs_.push_back(more.specs_[index]);
    both->tensors_.push_back(more.tensors_[index]);
  }
  return both;
}

std::string index_fault_message(std::string_view op, std::string_view input, const Shape& shape,
                                int64_t position, std::optional<int64_t> value, int64_t bound,
                                std::string_view location) {
  return fmt::format("{}: {}{} of '{}' is outside [0,{}){}", op,
                     value ? fmt::format("index {}", *value) : "the index", at_position(shape, position),
                     input, bound, in_parentheses(location));
}

std::string finite_fault_message(std::string_view what, const Shape& shape, int64_t position,
                                 std::optional<double> value, std::string_view location) {
  return fmt::format("{} is not finite{}{}{}", what,
                     value ? fmt::format(": {}", std::isnan(*value) ? std::fabs(*value) : *value) : "",
                     at_position(shape, position), in_parentheses(location));
}

void raise_fault(const FaultSite& site, int64_t position, std::optional<int64_t> bits) {
  if (site.kind == FaultSite::Kind::index) {
    throw RuntimeError(
        index_fault_message(site.op, site.subject, site.shape, position, bits, site.bound, site.location));
  }
  std::optional<double> value;
  if (bits) value = std::bit_cast<double>(*bits);
  throw NotFinite(finite_fault_message(site.subject, site.shape, position, value, site.location));
}

}  // namespace sinter::runtime
