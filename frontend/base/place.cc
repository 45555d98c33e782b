#include "frontend/base/place.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <map>
#include <mutex>

namespace sinter {
namespace {

// Of the files in which places were made, by their names.
class Paths {
 public:
  void note(std::string_view file, std::string_view path) {
    const std::lock_guard lock(mutex_);
    const auto it = paths_.find(file);
    if (it == paths_.end()) {
      paths_.emplace(file, path);
    } else if (it->second != path) {
      it->second.clear();
    }
  }
  std::string of(const std::string& file) {
    const std::lock_guard lock(mutex_);
    const auto it = paths_.find(file);
    return it == paths_.end() ? file : it->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> paths_;
};

Paths& paths() {
  static Paths all;
  return all;
}

}  // namespace

graph::Location place_of(const std::source_location& where, std::string scope) {
  const std::string_view path = where.file_name();
  const std::string_view file = path.substr(path.find_last_of("/\\") + 1);
  if (!file.empty()) paths().note(file, path);
  return {std::string(file), static_cast<int>(where.line()), std::move(scope)};
}

std::string path_of(const std::string& file) {
  return paths().of(file);
}

void fail_at(std::string_view what, std::string_view message, const graph::Location& place) {
  const std::string text = to_string(place);
  throw Error(fmt::format("{}: {}{}", what, message, text.empty() ? "" : fmt::format(" ({})", text)));
}

}  // namespace sinter
