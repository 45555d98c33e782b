#include "passes/fuse/split_sorts.h"

#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// What a unit sorts in memory of its own: a cache's worth, or a lane's, within its iterations.
int64_t run_on(const loop::Target& target) {
  int64_t run = target.has_workgroups() ? 32 : 1024;
  while (run > 2 && 4 * run * run > target.max_iterations) run /= 2;
  return run;
}

std::vector<Value> in_runs(graph::Builder& b, const Op& sort, int64_t run) {
  graph::Attributes attributes = sort.attributes;
  attributes.set("run", run);
  Op* sorted = &b.emit(OpCode::sort, sort.operands, attributes);
  const int64_t length = sort.operands[0].shape().back();
  while (run < length) {
    run *= 2;
    attributes.set("run", run);
    sorted = &b.emit(OpCode::sort, {sorted->result(0), sorted->result(1)}, attributes);
  }
  return {sorted->result(0), sorted->result(1)};
}

}  // namespace

void split_sorts(graph::Module& module, graph::Function& function, const loop::Target& target) {
  const int64_t run = run_on(target);
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::sort || op.attributes.has("run") || op.operands[0].shape().back() <= run)
      return std::nullopt;
    graph::Builder b(module, function);
    b.set_location(op.location);
    return in_runs(b, op, run);
  });
}

}  // namespace sinter::passes
