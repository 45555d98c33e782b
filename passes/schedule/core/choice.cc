#include "passes/schedule/core/choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "ir/error.h"

namespace sinter::passes {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_name(std::string_view text) {
  const auto belongs = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '.'; };
  return !text.empty() && std::ranges::all_of(text, belongs);
}

}  // namespace

std::string print(const Choice& choice) {
  std::string text = choice.schedule;
  for (const auto& [name, numbers] : choice.numbers) {
    text += fmt::format(" {}", name);
    if (!numbers.empty()) text += fmt::format("={}", fmt::join(numbers, ","));
  }
  return text;
}

Choice parse_choice(std::string_view text, const graph::Location& location) {
  const auto refuse = [&](std::string_view expected, std::string_view got) {
    throw GraphError(
        fmt::format("choice '{}': expected {}, got '{}'{}", text, expected, got, graph::at(location)));
  };
  const auto words = split(text, ' ');
  if (!is_name(words[0])) refuse("the name of a schedule", words[0]);
  Choice choice{std::string(words[0]), {}};
  for (std::string_view word : std::span(words).subspan(1)) {
    const size_t equals = std::min(word.find('='), word.size());
    const std::string_view name = word.substr(0, equals);
    if (!is_name(name)) refuse("name or name=number after a space", word);
    const auto is_it = [&](const auto& number) { return number.first == name; };
    if (std::ranges::any_of(choice.numbers, is_it)) refuse("each name once", name);
    auto& [known, numbers] = choice.numbers.emplace_back(name, std::vector<int64_t>{});
    if (equals == word.size()) continue;
    for (std::string_view digits : split(word.substr(equals + 1), ',')) {
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), numbers.emplace_back());
      if (error != std::errc() || end != digits.data() + digits.size()) refuse("a number", digits);
    }
  }
  return choice;
}

int64_t ChoiceReader::number(std::string_view name, int64_t least, int64_t most) {
  const auto* numbers = find(name);
  if (numbers == nullptr) refuse(fmt::format("{} is missing", name));
  if (numbers->size() != 1) refuse(fmt::format("{} is one number", name));
  return within(name, numbers->front(), least, most);
}

int64_t ChoiceReader::number_or(std::string_view name, int64_t otherwise, int64_t least, int64_t most) {
  const auto is_it = [&](const auto& number) { return number.first == name; };
  return std::ranges::any_of(choice_.numbers, is_it) ? number(name, least, most) : otherwise;
}

std::vector<int64_t> ChoiceReader::list(std::string_view name, int64_t least, int64_t most) {
  const auto* numbers = find(name);
  if (numbers == nullptr) return {};
  for (int64_t number : *numbers) within(name, number, least, most);
  return *numbers;
}

bool ChoiceReader::flag(std::string_view name) {
  const auto* numbers = find(name);
  if (numbers != nullptr && !numbers->empty()) refuse(fmt::format("{} takes no number", name));
  return numbers != nullptr;
}

int64_t ChoiceReader::lanes(int64_t most) {
  const int64_t lanes = number("lanes", 1, most);
  require(std::has_single_bit(static_cast<uint64_t>(lanes)), "lanes is a power of two");
  return lanes;
}

void ChoiceReader::require(bool holds, std::string_view otherwise) const {
  if (!holds) refuse(otherwise);
}

void ChoiceReader::finish() const {
  for (size_t i = 0; i < is_read_.size(); ++i) {
    if (!is_read_[i]) refuse(fmt::format("{} decides no '{}'", choice_.schedule, choice_.numbers[i].first));
  }
}

const std::vector<int64_t>* ChoiceReader::find(std::string_view name) {
  for (size_t i = 0; i < choice_.numbers.size(); ++i) {
    if (choice_.numbers[i].first != name) continue;
    is_read_[i] = true;
    return &choice_.numbers[i].second;
  }
  return nullptr;
}

int64_t ChoiceReader::within(std::string_view name, int64_t value, int64_t least, int64_t most) const {
  if (value < least || value > most)
    refuse(fmt::format("{} is from {} to {} here, got {}", name, least, most, value));
  return value;
}

void ChoiceReader::refuse(std::string_view reason) const {
  throw GraphError(fmt::format("choice '{}': {}{}", print(choice_), reason, graph::at(location_)));
}

}  // namespace sinter::passes
