#include "passes/pass_list.h"

#include <fmt/format.h>

#include "ir/error.h"

namespace sinter::passes {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// The parts between separators that stand outside parentheses.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (text[i] != separator || depth != 0) continue;
    parts.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  parts.push_back(trimmed(text.substr(begin)));
  return parts;
}

PassCall parse_pass(std::string_view text) {
  PassCall call{nullptr, {}, std::string(text)};
  const size_t open = text.find('(');
  if (open != std::string_view::npos) {
    if (text.back() != ')') throw GraphError(fmt::format("pass '{}': expected ')' at the end", text));
    const std::string_view arguments = text.substr(open + 1, text.size() - open - 2);
    if (!trimmed(arguments).empty()) {
      for (std::string_view argument : split(arguments, ';')) call.arguments.emplace_back(argument);
    }
  }
  call.pass = &find_pass(trimmed(text.substr(0, open)));
  return call;
}

}  // namespace

std::vector<PassCall> parse_pass_list(std::string_view text) {
  std::vector<PassCall> calls;
  if (trimmed(text).empty()) return calls;
  for (std::string_view part : split(text, ',')) calls.push_back(parse_pass(part));
  return calls;
}

}  // namespace sinter::passes
