#pragma once

#include <fmt/format.h>
#include <sinter/error.h>

#include <charconv>
#include <map>
#include <optional>
#include <string>

namespace sinter {

// The number that a checkpoint at `path` has under `key`; nothing where it has none. Throws Error for what is
// no number of the type.
template <typename T>
std::optional<T> number_in(const std::string& path, const std::map<std::string, std::string>& texts,
                           const std::string& key) {
  const auto found = texts.find(key);
  if (found == texts.end()) return std::nullopt;
  const std::string& text = found->second;
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  throw Error(fmt::format("{}: its '{}' is '{}'", path, key, text));
}

}  // namespace sinter
