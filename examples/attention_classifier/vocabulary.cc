#include "examples/attention_classifier/vocabulary.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "examples/attention_classifier/utf8.h"
#include "runtime/error.h"

namespace attention_classifier {
namespace {

constexpr int64_t kLeastWordCount = 2;
constexpr int64_t kLeastEndingCount = 3;
constexpr size_t kEndingLength = 3;

std::string ending(std::string_view word) {
  return last_characters(lower(word), kEndingLength);
}

}  // namespace

Vocabulary::Table::Table(std::vector<std::string> entries) : entries_(std::move(entries)) {
  for (const std::string& entry : entries_) {
    const auto id = static_cast<int32_t>(ids_.size()) + kUnknownId + 1;
    if (!ids_.emplace(entry, id).second) {
      throw sinter::RuntimeError("vocabulary: '" + entry + "' stands there twice");
    }
  }
}

int32_t Vocabulary::Table::id(const std::string& entry) const {
  const auto found = ids_.find(entry);
  return found == ids_.end() ? kUnknownId : found->second;
}

Vocabulary::Table Vocabulary::frequent(std::span<const Sentence> training, int64_t least,
                                       std::string (*entry_of)(std::string_view)) {
  std::vector<std::pair<std::string, int64_t>> counts;  // in order of appearance
  std::unordered_map<std::string, size_t> position;
  for (const Sentence& sentence : training) {
    for (const Word& word : sentence) {
      std::string entry = entry_of(word.text);
      const auto [found, is_new] = position.emplace(entry, counts.size());
      if (is_new) counts.emplace_back(std::move(entry), 0);
      ++counts[found->second].second;
    }
  }
  std::stable_sort(counts.begin(), counts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> entries;
  for (auto& [entry, count] : counts) {
    if (count >= least) entries.push_back(std::move(entry));
  }
  return Table(std::move(entries));
}

Vocabulary::Vocabulary(std::span<const Sentence> training)
    : words_(frequent(training, kLeastWordCount, lower)),
      endings_(frequent(training, kLeastEndingCount, ending)) {}

Vocabulary Vocabulary::from_json(std::string_view text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    return {Table(json.at("words").get<std::vector<std::string>>()),
            Table(json.at("endings").get<std::vector<std::string>>())};
  } catch (const nlohmann::json::exception&) {
    throw sinter::RuntimeError(
        "vocabulary: not a JSON object with the lists of strings 'words' and 'endings'");
  }
}

std::string Vocabulary::to_json() const {
  const nlohmann::ordered_json json = {{"words", words_.entries()}, {"endings", endings_.entries()}};
  return json.dump();
}

int32_t Vocabulary::word_id(std::string_view word) const {
  return words_.id(lower(word));
}

int32_t Vocabulary::ending_id(std::string_view word) const {
  return endings_.id(ending(word));
}

int32_t Vocabulary::shape_id(std::string_view word) {
  return 1 + (starts_upper(word) ? 1 : 0) + (is_upper(word) ? 2 : 0) + (has_digit(word) ? 4 : 0) +
         (has_alphanumeric(word) ? 0 : 8);
}

}  // namespace attention_classifier
