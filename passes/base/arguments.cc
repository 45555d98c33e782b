#include "passes/base/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "ir/error.h"

namespace sinter::passes {
namespace {

[[noreturn]] void refuse(std::string_view pass, std::string_view argument,
                         std::initializer_list<std::string_view> known) {
  if (known.size() == 0) throw GraphError(fmt::format("{}: takes no argument, got '{}'", pass, argument));
  throw GraphError(
      fmt::format("{}: an argument is one of '{}', got '{}'", pass, fmt::join(known, "', '"), argument));
}

int64_t positive(std::string_view pass, std::string_view name, std::string_view argument) {
  const std::string_view number = argument.substr(name.size());
  int64_t value = 0;
  const auto [at, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (at != number.data() + number.size() || error != std::errc() || value < 1)
    throw GraphError(fmt::format("{}: {} takes a number above 0, got '{}'", pass, name, argument));
  return value;
}

}  // namespace

void check_arguments(std::string_view pass, const Arguments& arguments,
                     std::initializer_list<std::string_view> known) {
  for (const std::string& argument : arguments) {
    if (std::ranges::find(known, argument) == known.end()) refuse(pass, argument, known);
  }
}

std::pair<std::string, std::string> key_and_value(const std::string& argument) {
  const size_t equals = std::min(argument.find('='), argument.size());
  return {argument.substr(0, equals), argument.substr(std::min(equals + 1, argument.size()))};
}

int64_t number_in(const std::string& value) {
  int64_t number = -1;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

graph::Function& function_of(std::string_view pass, std::string_view key, const std::string& name,
                             const graph::Module& module) {
  if (name.empty()) throw GraphError(fmt::format("{}: needs an argument {}=FUNCTION", pass, key));
  graph::Function* function = module.find_function(name);
  if (function == nullptr) throw GraphError(fmt::format("{}: there is no function @{}", pass, name));
  return *function;
}

loop::Target limited(std::string_view pass, const Arguments& arguments, const loop::Target& target,
                     std::initializer_list<std::string_view> known) {
  loop::Target result = target;
  for (const std::string& argument : arguments) {
    const auto name =
        std::ranges::find_if(known, [&](std::string_view each) { return argument.starts_with(each); });
    if (name == known.end()) refuse(pass, argument, known);
    if (*name == "buffers=") result.max_buffers = positive(pass, *name, argument);
    if (*name == "threads=") result.threads = positive(pass, *name, argument);
    if (*name == "iterations=") result.max_iterations = positive(pass, *name, argument);
  }
  return result;
}

}  // namespace sinter::passes
