#include "passes/release/release.h"

#include "passes/attention/body.h"
#include "passes/base/rewrite.h"
#include "passes/fuse/trial.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/schedule/attention/rows.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

// Whether there are schedules for lines as long as those of its queries, keys and values.
bool has_schedule(const Op& op, const loop::Target& target) {
  const auto is = [&](graph::Anchor anchor) { return is_kernel(op, anchor); };
  if (!target.has_workgroups() || !(is(graph::Anchor::attention) || is(graph::Anchor::attention_backward)))
    return true;
  const AttentionBody body = AttentionBody::of(op);
  return has_attention_schedule(body.width(), body.values(), graph::size_in_bytes(body.dtype()), target);
}

}  // namespace

void release(graph::Module&, graph::Function& function, const loop::Target& target) {
  constexpr int64_t kManyBuffers = 64;  // more than attention binds
  const bool is_limited = target.max_buffers < kManyBuffers || target.has_iteration_limit();
  if (!is_limited && !target.has_workgroups()) return;
  const auto uses = graph::count_uses(function);
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::kernel) return std::nullopt;
    const auto is_within = [&] {
      const Trial trial = try_out(op, uses, target);
      return trial.buffers <= target.max_buffers && trial.iterations <= target.max_iterations;
    };
    if (has_schedule(op, target) && (!is_limited || is_within())) return std::nullopt;
    return inline_function(function, *op.body, op.operands);
  });
}

}  // namespace sinter::passes
