#include "examples/char_model/text.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>

#include "examples/support/utf8.h"
#include "runtime/error.h"
#include "runtime/file.h"

namespace char_model {

Vocabulary::Vocabulary(std::u32string_view text) : characters_(text) {
  std::sort(characters_.begin(), characters_.end());
  characters_.erase(std::unique(characters_.begin(), characters_.end()), characters_.end());
}

Vocabulary Vocabulary::parse(const std::string& text) {
  return Vocabulary(examples::decode_utf8(text));
}

std::string Vocabulary::text() const {
  return examples::encode_utf8(characters_);
}

bool Vocabulary::has(char32_t character) const {
  return std::binary_search(characters_.begin(), characters_.end(), character);
}

std::vector<int32_t> Vocabulary::encode(std::u32string_view text) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size());
  for (char32_t character : text) {
    if (!has(character)) {
      throw sinter::Error(fmt::format("the model knows no '{}'; it was trained on {} characters: {}",
                                      examples::encode_utf8({&character, 1}), size(), this->text()));
    }
    const auto at = std::lower_bound(characters_.begin(), characters_.end(), character);
    ids.push_back(static_cast<int32_t>(at - characters_.begin()));
  }
  return ids;
}

std::string Vocabulary::decode(int32_t id) const {
  return examples::encode_utf8({&characters_.at(static_cast<size_t>(id)), 1});
}

std::u32string read_text(const std::string& path, int64_t least) {
  const std::string bytes = sinter::runtime::read_file(path);
  if (!examples::is_utf8(bytes)) throw sinter::Error(fmt::format("{}: is no text in UTF-8", path));
  std::u32string text = examples::decode_utf8(bytes);
  if (static_cast<int64_t>(text.size()) < least) {
    throw sinter::Error(fmt::format("{}: a text of at least {} characters is needed, its length is {}", path,
                                    least, text.size()));
  }
  return text;
}

}  // namespace char_model
