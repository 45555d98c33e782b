#include "frontend/report/source_lines.h"

#include <charconv>
#include <fstream>

#include "frontend/base/place.h"

namespace sinter {

std::optional<std::string> SourceLines::at(const std::string& place) {
  const size_t colon = place.rfind(':');
  if (colon == std::string::npos) return {};
  size_t number = 0;
  std::from_chars(place.data() + colon + 1, place.data() + place.size(), number);
  const std::vector<std::string>& lines = lines_of(place.substr(0, colon));
  if (number == 0 || number > lines.size()) return {};
  const std::string& line = lines[number - 1];
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

const std::vector<std::string>& SourceLines::lines_of(const std::string& file) {
  const auto [known, is_new] = files_.try_emplace(file);
  if (!is_new) return known->second;
  const std::string path = path_of(file);
  std::ifstream stream(path);
  for (std::string line; !path.empty() && std::getline(stream, line);) known->second.push_back(line);
  return known->second;
}

}  // namespace sinter
