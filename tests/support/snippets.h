#pragma once

#include <gmock/gmock.h>

#include <sstream>
#include <string>

#include "runtime/file.h"

namespace sinter {

// The lines of a source between "// guide: NAME" and "// guide: end", without the indentation of the first.
inline std::string snippet(const std::string& source, const std::string& name) {
  std::istringstream lines(source);
  std::string line, text;
  bool inside = false;
  size_t indent = 0;
  while (std::getline(lines, line)) {
    if (line.find("// guide: " + name) != std::string::npos) {
      inside = true;
      indent = line.find('/');
    } else if (line.find("// guide: end") != std::string::npos) {
      if (inside) return text;
    } else if (inside) {
      text += (line.size() >= indent ? line.substr(indent) : line) + "\n";
    }
  }
  return text;
}

// A page of docs/ shows these snippets of a test as they stand there.
inline void expect_shown(const std::string& page, const std::string& test,
                         std::initializer_list<const char*> names) {
  const std::string root = SINTER_SOURCE_DIR;
  const std::string guide = runtime::read_file(root + "/docs/" + page);
  const std::string source = runtime::read_file(root + "/tests/" + test);
  for (const char* name : names)
    EXPECT_THAT(guide, testing::HasSubstr("```cpp\n" + snippet(source, name) + "```")) << name;
}

}  // namespace sinter
