#include <fmt/format.h>

#include "ir/error.h"
#include "passes/decompose/decompose.h"
#include "passes/differentiate/differentiate.h"
#include "passes/fuse/fuse.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/merge/merge.h"
#include "passes/pass.h"
#include "passes/raise/raise.h"
#include "passes/simplify/simplify.h"

namespace sinter::passes {
namespace {

constexpr Pass kPasses[] = {
    {"inline_calls", "replaces calls by the body of what they call; kernels: these by theirs, too",
     inline_calls},
    {"differentiate", "expands grad ops into the gradients they stand for", differentiate},
    {"decompose", "replaces composites by the primitives that define them", decompose},
    {"simplify", "folds, merges and removes ops, and brings the rest to one form", simplify},
    {"raise", "finds softmax and attention in plain code", raise},
    {"merge", "puts independent kernels side by side", merge},
    {"fuse",
     "groups ops into kernels; off: one kernel an op; columns: sums of columns beside their rows; buffers=N, "
     "iterations=N: what a kernel may bind, and how long it may loop",
     fuse},
};

}  // namespace

std::span<const Pass> all_passes() {
  return kPasses;
}

const Pass& find_pass(std::string_view name) {
  std::string names;
  for (const Pass& pass : kPasses) {
    if (pass.name == name) return pass;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", pass.name);
  }
  throw GraphError(fmt::format("no pass is called '{}'; there are {}", name, names));
}

}  // namespace sinter::passes
