#include "frontend/report/texts.h"

#include <fmt/format.h>

#include <algorithm>

namespace sinter {

size_t ReportTexts::add(std::string text) {
  if (text.size() > kMost) {
    const size_t end = text.rfind('\n', kMost) + 1;
    const auto left = std::count(text.begin() + static_cast<ptrdiff_t>(end), text.end(), '\n');
    text.resize(end);
    text +=
        fmt::format("... and {} lines more: the report has the first {} KiB; sinter-opt --emit prints all\n",
                    left, kMost >> 10);
  }
  const auto [found, is_new] = numbers_.try_emplace(text, texts_.size());
  if (is_new) texts_.push_back(std::move(text));
  return found->second;
}

}  // namespace sinter
