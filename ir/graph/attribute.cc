#include "ir/graph/attribute.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"

namespace sinter::graph {
namespace {

template <typename T>
const T& get(const Attributes& attributes, std::string_view name) {
  const Attribute* attribute = attributes.find(name);
  if (attribute == nullptr) throw InternalError(fmt::format("no attribute '{}'", name));
  const T* value = std::get_if<T>(attribute);
  if (value == nullptr) throw InternalError(fmt::format("attribute '{}' has another type", name));
  return *value;
}

auto position(auto& entries, std::string_view name) {
  return std::lower_bound(entries.begin(), entries.end(), name,
                          [](const auto& entry, std::string_view key) { return entry.first < key; });
}

}  // namespace

Attributes::Attributes(std::initializer_list<std::pair<std::string_view, Attribute>> entries) {
  for (const auto& [name, value] : entries) set(name, value);
}

const Attribute* Attributes::find(std::string_view name) const {
  const auto it = position(entries_, name);
  return it != entries_.end() && it->first == name ? &it->second : nullptr;
}

void Attributes::set(std::string_view name, Attribute value) {
  const auto it = position(entries_, name);
  if (it != entries_.end() && it->first == name) {
    it->second = std::move(value);
  } else {
    entries_.insert(it, {std::string(name), std::move(value)});
  }
}

void Attributes::erase(std::string_view name) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == name; });
}

int64_t Attributes::integer(std::string_view name) const {
  return get<int64_t>(*this, name);
}

double Attributes::number(std::string_view name) const {
  const Attribute* attribute = find(name);
  if (attribute != nullptr && std::holds_alternative<int64_t>(*attribute)) {
    return static_cast<double>(std::get<int64_t>(*attribute));
  }
  return get<double>(*this, name);
}

bool Attributes::flag(std::string_view name) const {
  return has(name) && get<bool>(*this, name);
}
const std::string& Attributes::text(std::string_view name) const {
  return get<std::string>(*this, name);
}
const std::vector<int64_t>& Attributes::integers(std::string_view name) const {
  return get<std::vector<int64_t>>(*this, name);
}
DType Attributes::dtype(std::string_view name) const {
  return get<DType>(*this, name);
}

}  // namespace sinter::graph
