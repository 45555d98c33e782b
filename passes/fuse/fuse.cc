#include "passes/fuse/fuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ir/error.h"
#include "passes/base/dead_code.h"
#include "passes/fuse/columns.h"
#include "passes/fuse/consumer_side.h"
#include "passes/fuse/fit_bindings.h"
#include "passes/fuse/guard.h"
#include "passes/fuse/kernels.h"
#include "passes/fuse/legalize.h"
#include "passes/fuse/producer_side.h"
#include "passes/fuse/shorten_loops.h"
#include "passes/fuse/sort_scatters.h"
#include "passes/fuse/split_sums.h"

namespace sinter::passes {

namespace {

struct Arguments {
  bool join, columns, sort, sums;
};

void fuse_function(graph::Module& module, graph::Function& function, const Arguments& arguments,
                   const loop::Target& target, const Effects& effects) {
  legalize(module, function);
  guard(function);
  if (target.max_iterations < INT64_MAX) shorten_loops(module, function, target);
  if (arguments.columns) split_columns(module, function);
  if (arguments.sort) sort_scatters(module, function);
  if (arguments.sums) split_sums(module, function);
  fit_bindings(module, function, target);
  remove_dead_code(function, effects);
  Groups groups(function);
  if (arguments.join) {
    producer_side(groups, target);
    consumer_side(groups, target);
  } else {
    keep_apart(groups);
  }
  build_kernels(groups);
}

// What stands behind "name=" among the arguments.
int64_t number_of(const std::vector<std::string>& arguments, std::string_view name, int64_t otherwise) {
  for (const std::string& argument : arguments) {
    if (!argument.starts_with(name)) continue;
    int64_t value = 0;
    const char *begin = argument.data() + name.size(), *end = argument.data() + argument.size();
    const auto [at, error] = std::from_chars(begin, end, value);
    if (at != end || error != std::errc() || value < 1)
      throw GraphError(fmt::format("fuse: {} takes a number above 0, got '{}'", name, argument));
    return value;
  }
  return otherwise;
}

}  // namespace

void fuse(graph::Module& module, const std::vector<std::string>& arguments, const loop::Target& target) {
  const auto given = [&](std::string_view argument) {
    return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
  };
  loop::Target limited = target;
  limited.max_buffers = number_of(arguments, "buffers=", target.max_buffers);
  limited.max_iterations = number_of(arguments, "iterations=", target.max_iterations);
  const Effects effects = functions_with_effects(module);
  for (const auto& function : module.functions)
    fuse_function(module, *function, {!given("off"), given("columns"), given("sort"), given("sums")}, limited,
                  effects);
}

void fuse(graph::Module& module, const std::vector<std::string>& arguments) {
  fuse(module, arguments, {});
}

}  // namespace sinter::passes
