#include "passes/release/release.h"

#include "passes/base/rewrite.h"
#include "passes/fuse/trial.h"
#include "passes/inline_calls/inline_calls.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

void release(graph::Module&, graph::Function& function, const loop::Target& target) {
  constexpr int64_t kManyBuffers = 64;  // more than attention binds
  if (target.max_buffers >= kManyBuffers && !target.has_iteration_limit()) return;
  const auto uses = graph::count_uses(function);
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::kernel) return std::nullopt;
    const Trial trial = try_out(op, uses, target);
    if (trial.buffers <= target.max_buffers && trial.iterations <= target.max_iterations) return std::nullopt;
    return inline_function(function, *op.body, op.operands);
  });
}

}  // namespace sinter::passes
