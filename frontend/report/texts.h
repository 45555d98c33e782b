#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sinter {

// The long texts of a report, loops and code, each once: layers of one shape are compiled to the same.
class ReportTexts {
 public:
  // Its number. What is behind the first kMost bytes is left out, which the text then says at its end.
  size_t add(std::string text);
  const std::vector<std::string>& all() const { return texts_; }

  static constexpr size_t kMost = 48 << 10;

 private:
  std::vector<std::string> texts_;
  std::map<std::string, size_t, std::less<>> numbers_;
};

}  // namespace sinter
