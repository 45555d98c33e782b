#include "passes/fuse/fit_bindings.h"

#include <algorithm>
#include <optional>

#include "ir/graph/builder.h"
#include "passes/base/in_kernels.h"
#include "passes/base/rewrite.h"
#include "passes/fuse/legalize.h"
#include "passes/fuse/limits.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

class Fit {
 public:
  Fit(graph::Module& module, graph::Function& function, int64_t most)
      : module_(module), function_(function), most_(most) {}

  std::optional<std::vector<Value>> op(Op& op) {
    if (fits(op)) return std::nullopt;
    graph::Builder b(module_, function_);
    b.set_location(op.location);
    if (op.code == OpCode::concat) return std::vector{concat(b, op.operands, op.attributes.integer("axis"))};
    if (op.code == OpCode::dynamic_slice || op.code == OpCode::dynamic_update) pack_starts(b, op);
    while (!fits(op)) {
      Value* const worst = &*std::ranges::max_element(
          op.operands, {}, [&](Value operand) { return bindings_of({operand}).read.size(); });
      if (bindings_of({*worst}).read.size() < 2) break;
      const Value value = *worst, copy = in_memory(value);
      std::ranges::replace(op.operands, value, copy);
    }
    return std::nullopt;
  }

 private:
  bool fits(const Op& op) {
    if (stays_outside_kernels(op)) return true;  // it may have what it reads copied one by one
    Bindings bindings = bindings_of(op.operands);
    if (op.kind() == OpKind::check) {
      bindings.call = bindings.faults = true;
    } else {
      bindings.written = is_virtual(op) ? 1 : static_cast<int64_t>(op.results.size());
    }
    return bindings.count() <= most_;
  }

  Bindings bindings_of(const std::vector<Value>& values) {
    Bindings bindings;
    for (Value value : values) leaves_.add_to(bindings, value);
    return bindings;
  }

  bool fits_with_result(const std::vector<Value>& operands) { return bindings_of(operands).count() < most_; }

  // In runs of operands that a kernel may copy, as often as it takes.
  Value concat(graph::Builder& b, std::vector<Value> operands, int64_t axis) {
    while (!fits_with_result(operands)) {
      std::vector<Value> runs;
      for (size_t begin = 0, end = 0; begin < operands.size(); begin = end) {
        std::vector<Value> run = {operands[end++]};
        for (; end < operands.size(); ++end) {
          run.push_back(operands[end]);
          if (fits_with_result(run)) continue;
          run.pop_back();
          break;
        }
        runs.push_back(run.size() > 1 || bindings_of(run).read.size() > 1
                           ? in_memory(run.size() > 1 ? b.concat(run, axis) : run[0])
                           : run[0]);
      }
      if (runs == operands) break;
      operands = std::move(runs);
    }
    return operands.size() == 1 ? operands[0] : b.concat(operands, axis);
  }

  void pack_starts(graph::Builder& b, Op& op) {
    const size_t first = op.code == OpCode::dynamic_slice ? 1 : 2;
    std::vector<Value> starts;
    for (size_t i = first; i < op.operands.size(); ++i) {
      const bool same = op.operands[i].dtype() == op.operands[first].dtype();
      if (!same) return;
      starts.push_back(b.reshape(op.operands[i], {1}));
    }
    if (starts.size() < 2) return;
    const Value packed = in_memory(concat(b, starts, 0));
    for (size_t i = 0; i < starts.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      op.operands[first + i] = b.reshape(b.slice_axis(packed, 0, at, at + 1), {});
    }
  }

  // A value of sources and views, copied by a kernel of its own.
  Value in_memory(Value value) {
    if (!is_virtual(*value.op)) return value;
    if (const auto it = copies_.find(value); it != copies_.end()) return it->second;
    return copies_[value] = apart(function_, *value.op);
  }

  graph::Module& module_;
  graph::Function& function_;
  int64_t most_;
  Leaves leaves_;
  graph::ValueMap<Value> copies_;
};

}  // namespace

void fit_bindings(graph::Module& module, graph::Function& function, const loop::Target& target) {
  int64_t values = 2;
  for (const auto& op : function.ops()) values += 2 * static_cast<int64_t>(op->results.size());
  if (target.max_buffers >= values) return;
  Fit fit(module, function, target.max_buffers);
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) { return fit.op(op); });
}

}  // namespace sinter::passes
