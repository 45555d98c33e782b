#include "examples/char_model/recipe.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace char_model {
namespace {

constexpr std::pair<const char*, int64_t ModelOptions::*> kSizes[] = {{"context", &ModelOptions::context},
                                                                      {"layers", &ModelOptions::layers},
                                                                      {"heads", &ModelOptions::heads},
                                                                      {"width", &ModelOptions::width}};
constexpr int64_t kMost = 1 << 20;

}  // namespace

std::map<std::string, std::string> to_texts(const ModelOptions& model, const Vocabulary& vocabulary) {
  std::map<std::string, std::string> texts = {{"characters", vocabulary.text()},
                                              {"dropout", fmt::format("{}", model.dropout)}};
  for (const auto& [key, size] : kSizes) texts[key] = std::to_string(model.*size);
  return texts;
}

Recipe from_texts(const std::string& path, const std::map<std::string, std::string>& texts) {
  const auto text = [&](const std::string& key) {
    const auto found = texts.find(key);
    if (found == texts.end() || found->second.empty()) {
      throw sinter::Error(fmt::format("{}: is no character model, for it does not tell its {}", path, key));
    }
    return found->second;
  };
  Recipe recipe{{}, Vocabulary::parse(text("characters"))};
  recipe.model.characters = recipe.vocabulary.size();
  for (const auto& [key, size] : kSizes) {
    const std::string value = text(key);
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), recipe.model.*size);
    const bool fits = error == std::errc() && end == value.data() + value.size() && recipe.model.*size >= 1 &&
                      recipe.model.*size <= kMost;
    if (!fits) throw sinter::Error(fmt::format("{}: its {} is '{}'", path, key, value));
  }
  return recipe;
}

}  // namespace char_model
