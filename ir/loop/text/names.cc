#include "ir/loop/text/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/loop/text/words.h"

namespace sinter::loop {

void Names::bind(const void* item, std::string_view name, bool is_buffer) {
  std::string word;
  for (const char c : name) word += is_of_word(c) ? c : '_';
  if (word.empty() || !begins_word(word[0])) word = "_" + word;
  const std::string stem = word;
  const auto is_free = [&] {
    return !means_something_in_expressions(word) && !(is_buffer && begins_line(word)) &&
           taken_.insert(word).second;
  };
  for (int count = 2; !is_free(); ++count) word = fmt::format("{}_{}", stem, count);
  names_[item] = word;
}

void Names::release(const void* item) {
  const auto it = names_.find(item);
  taken_.erase(it->second);
  names_.erase(it);
}

std::string Names::of(const void* item, const std::string& name) const {
  const auto it = names_.find(item);
  return it == names_.end() ? name : it->second;
}

std::string quoted_unless_word(std::string_view name) {
  if (!name.empty() && std::ranges::all_of(name, is_of_name)) return std::string(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

}  // namespace sinter::loop
