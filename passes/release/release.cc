#include "passes/release/release.h"

#include <fmt/format.h>

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

constexpr int64_t kManyBuffers = 64;  // more than attention binds

// Where there are no schedules for lines as long as those of its queries, keys and values.
std::optional<std::string> too_long(const Op& op, const loop::Target& target) {
  if (!target.has_workgroups() || !graph::attends(op)) return std::nullopt;
  const AttentionBody body = AttentionBody::of(op);
  if (has_attention_schedule(body.width(), body.values(), graph::size_in_bytes(body.dtype()), target))
    return std::nullopt;
  return fmt::format("no workgroup of the device holds queries and keys of {} elements and values of {}",
                     body.width(), body.values());
}

}  // namespace

std::optional<std::string> why_released(const Op& op, const graph::ValueMap<int>& uses,
                                        const loop::Target& target) {
  if (op.code != OpCode::kernel) return std::nullopt;
  if (auto reason = too_long(op, target)) return reason;
  if (target.max_buffers >= kManyBuffers && !target.has_iteration_limit()) return std::nullopt;
  const Trial trial = try_out(op, uses, target);
  if (trial.buffers > target.max_buffers)
    return fmt::format("its kernel would bind {} buffers, and the device lets one bind {}", trial.buffers,
                       target.max_buffers);
  if (trial.iterations > target.max_iterations)
    return fmt::format("its kernel would loop {} times, and the device lets one loop {}", trial.iterations,
                       target.max_iterations);
  return std::nullopt;
}

void release(graph::Module&, graph::Function& function, const loop::Target& target) {
  const auto uses = graph::count_uses(function);
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (!why_released(op, uses, target)) return std::nullopt;
    return inline_function(function, *op.body, op.operands);
  });
}

}  // namespace sinter::passes
