#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

// Lines of the user's sources, as far as these can be read.
class SourceLines {
 public:
  // Of a place as kernels name it, "model.cc:31", without the spaces that it begins with.
  std::optional<std::string> at(const std::string& place);

 private:
  const std::vector<std::string>& lines_of(const std::string& file);

  std::map<std::string, std::vector<std::string>> files_;
};

}  // namespace sinter
