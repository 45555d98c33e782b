#include "frontend/program/name_map.h"

#include <vector>

namespace sinter {
namespace {

// The parts between the stars: one more than there are stars.
std::vector<std::string_view> literals(std::string_view pattern) {
  std::vector<std::string_view> parts;
  for (size_t star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
    parts.push_back(pattern.substr(0, star));
    pattern.remove_prefix(star + 1);
  }
  parts.push_back(pattern);
  return parts;
}

}  // namespace

std::optional<std::string> mapped_name(std::string_view name, std::string_view pattern,
                                       std::string_view into) {
  const std::vector<std::string_view> parts = literals(pattern);
  if (parts.size() == 1) return name == pattern ? std::optional(std::string(into)) : std::nullopt;
  const std::string_view last = parts.back();
  if (!name.starts_with(parts.front())) return std::nullopt;
  name.remove_prefix(parts.front().size());
  if (!name.ends_with(last)) return std::nullopt;
  name.remove_suffix(last.size());
  std::vector<std::string_view> found;  // what the stars stand for
  for (size_t i = 1; i + 1 < parts.size(); ++i) {
    const size_t at = name.find(parts[i]);
    if (at == std::string_view::npos) return std::nullopt;
    found.push_back(name.substr(0, at));
    name.remove_prefix(at + parts[i].size());
  }
  found.push_back(name);

  const std::vector<std::string_view> around = literals(into);
  std::string result(around.front());
  for (size_t i = 1; i < around.size(); ++i) {
    result += found.at(i - 1);
    result += around[i];
  }
  return result;
}

}  // namespace sinter
