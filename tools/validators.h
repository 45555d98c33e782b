#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

// What numbers on command lines are held to; CLI11 itself takes "1.5", "1e3", "-1" and what does not fit as
// whole numbers too, and "nan" for any range.
namespace sinter::tools {

template <typename T>
std::optional<T> number_in(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

template <typename T>
CLI::Validator whole_number(T from, T to) {
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        const auto value = number_in<T>(text);
        if (value && *value >= from && *value <= to) return "";
        return fmt::format("expected a whole number from {} to {}, got '{}'", from, to, text);
      },
      "N");
}

// What a seed is.
inline CLI::Validator seed() {
  return whole_number<uint64_t>(0, std::numeric_limits<uint64_t>::max());
}

inline CLI::Validator number(double from, double to) {
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        const auto value = number_in<double>(text);
        if (value && *value >= from && *value <= to) return "";
        return fmt::format("expected a number from {} to {}, got '{}'", from, to, text);
      },
      "X");
}

}  // namespace sinter::tools
