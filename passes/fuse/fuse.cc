#include "passes/fuse/fuse.h"

#include <algorithm>

#include "passes/fuse/columns.h"
#include "passes/fuse/consumer_side.h"
#include "passes/fuse/guard.h"
#include "passes/fuse/kernels.h"
#include "passes/fuse/legalize.h"
#include "passes/fuse/producer_side.h"
#include "passes/fuse/sort_scatters.h"
#include "passes/fuse/split_sums.h"

namespace sinter::passes {

namespace {

struct Arguments {
  bool join, columns, sort, sums;
};

void fuse_function(graph::Module& module, graph::Function& function, const Arguments& arguments) {
  legalize(module, function);
  guard(function);
  if (arguments.columns) split_columns(module, function);
  if (arguments.sort) sort_scatters(module, function);
  if (arguments.sums) split_sums(module, function);
  Groups groups(function);
  if (arguments.join) {
    producer_side(groups);
    consumer_side(groups);
  } else {
    keep_apart(groups);
  }
  build_kernels(groups);
}

}  // namespace

void fuse(graph::Module& module, const std::vector<std::string>& arguments) {
  const auto given = [&](std::string_view argument) {
    return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
  };
  for (const auto& function : module.functions)
    fuse_function(module, *function, {!given("off"), given("columns"), given("sort"), given("sums")});
}

}  // namespace sinter::passes
