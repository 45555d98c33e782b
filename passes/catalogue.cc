#include <fmt/format.h>

#include "ir/error.h"
#include "passes/base/in_kernels.h"
#include "passes/decompose/decompose.h"
#include "passes/differentiate/differentiate.h"
#include "passes/expand_math/expand_math.h"
#include "passes/fuse/check_numerics.h"
#include "passes/fuse/columns.h"
#include "passes/fuse/copy_windows.h"
#include "passes/fuse/fit_bindings.h"
#include "passes/fuse/group.h"
#include "passes/fuse/guard.h"
#include "passes/fuse/legalize.h"
#include "passes/fuse/shorten_loops.h"
#include "passes/fuse/sort_scatters.h"
#include "passes/fuse/split_gradients.h"
#include "passes/fuse/split_sorts.h"
#include "passes/fuse/split_sums.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/inline_calls/open_loops.h"
#include "passes/merge/merge.h"
#include "passes/order/order.h"
#include "passes/pass.h"
#include "passes/place/place.h"
#include "passes/raise/raise.h"
#include "passes/release/release.h"
#include "passes/schedule/choose.h"
#include "passes/schedule/schedule.h"
#include "passes/shard/shard.h"
#include "passes/simplify/simplify.h"
#include "passes/split_batch/split_batch.h"
#include "passes/to_workgroups/to_workgroups.h"

namespace sinter::passes {
namespace {

using graph::Function;
using graph::Module;
using loop::Target;

// Passes that any machine gets alike.
template <void (*pass)(Module&, const Arguments&)>
void for_all(Module& module, const Arguments& arguments, const Target&) {
  pass(module, arguments);
}

// Passes over one function after the other, on any machine.
template <void (*pass)(Module&, Function&)>
void each(Module& module, Function& function, const Target&) {
  pass(module, function);
}

constexpr Pass kPasses[] = {
    {"split_batch",
     "lets a function go over its batch in micro-batches: of=FUNCTION, part=FUNCTION for one of them, "
     "parts=N; rank=N, ranks=N: for one of several ranks",
     for_all<split_batch>},
    {"shard",
     "lets each of several ranks keep a part of the state that a function alone uses: of=FUNCTION, rank=N, "
     "ranks=N; shared=STATE: others use it too",
     for_all<shard>},
    {"inline_calls", "replaces calls by the body of what they call; kernels: these by theirs, too",
     for_all<inline_calls>},
    {"decompose", "replaces composites by the primitives that define them", for_all<decompose>},
    {"simplify", "folds, merges and removes ops, and brings the rest to one form", for_all<simplify>},
    {"raise", "finds softmax and attention in plain code", for_all<raise>},
    {"differentiate", "expands grad ops into the gradients they stand for", for_all<differentiate>},
    {"release", "decomposes attention that the target's limits allow no kernel of", nullptr, release},
    {"legalize", "replaces what no schedule computes by what one does", nullptr, each<legalize>},
    {"check_numerics", "checks that what is returned and what is written to state is finite",
     [](Module& module, const Arguments& arguments, const Target&) {
       check_arguments("check_numerics", arguments, {});
       check_numerics(module);
     }},
    {"guard", "checks the indices of gathers and scatters", nullptr,
     [](Module&, Function& function, const Target&) { guard(function); }},
    {"shorten_loops", "cuts what would loop for longer than the target allows; iterations=N: another limit",
     [](Module& module, const Arguments& arguments, const Target& target) {
       const Target within = limited("shorten_loops", arguments, target, {"iterations="});
       for (const auto& function : module.functions) shorten_loops(module, *function, within);
     }},
    {"split_columns", "makes sums of columns beside the rows that they go through", nullptr,
     each<split_columns>},
    {"copy_windows", "copies windows whose places a contraction sums over", nullptr, each<copy_windows>},
    {"sort_scatters", "sorts by row what is scattered into large tables", nullptr, sort_scatters},
    {"split_sorts", "sorts long rows by runs, which are merged", nullptr, split_sorts},
    {"split_sums", "cuts long sums with small results into a batch of shorter ones", nullptr, split_sums},
    {"split_gradients",
     "cuts attention's gradients by queries and by keys where heads are fewer than threads; threads=N: so "
     "many",
     [](Module& module, const Arguments& arguments, const Target& target) {
       const Target with = limited("split_gradients", arguments, target, {"threads="});
       for (const auto& function : module.functions) split_gradients(*function, with);
     }},
    {"fit_bindings", "copies what one op would read from too many tensors; buffers=N: another limit",
     [](Module& module, const Arguments& arguments, const Target& target) {
       const Target within = limited("fit_bindings", arguments, target, {"buffers="});
       for (const auto& function : module.functions) fit_bindings(module, *function, within);
     }},
    {"group",
     "groups ops into kernels; off: one kernel an op; buffers=N, iterations=N: what a kernel may bind, and "
     "how long it may loop",
     group},
    {"merge", "puts independent kernels side by side; buffers=N: what a kernel may bind", merge},
    {"choose", "decides how the loops of each kernel are made",
     [](Module& module, const Arguments& arguments, const Target& target) {
       check_arguments("choose", arguments, {});
       check_kernels("choose", module);
       for (const auto& function : module.functions) choose(*function, target);
     }},
    {"open_loops", "puts the body of a loop of one turn in its place", for_all<open_loops>},
    {"order", "puts kernels in the order in which they run, those that write state after those that read it",
     [](Module& module, const Arguments& arguments, const Target& target) {
       check_arguments("order", arguments, {});
       check_kernels("order", module);
       order(module, target);
     }},
    {"schedule", "makes the loop nest of every kernel", nullptr, nullptr, schedule},
    {"place", "gives every value its place in memory", nullptr, nullptr, nullptr, place},
    {"to_workgroups", "makes loops over threads loops over workgroups and their lanes", nullptr, nullptr,
     nullptr, nullptr, to_workgroups},
    {"expand_math", "replaces elementary functions by arithmetic", nullptr, nullptr, nullptr, nullptr,
     [](const loop::Program& program, const Target& target) {
       return expand_math(program, {.has_fma = target.has_fma,
                                    .splits_fma = target.splits_fma(),
                                    .exact_division = target.exact_division});
     }},
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
