#include "passes/fuse/guard.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "passes/base/barriers.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Value;

namespace {

// Whether its elements are some of its operand's.
bool moves_alone(OpCode code) {
  return code == OpCode::reshape || code == OpCode::transpose || code == OpCode::broadcast ||
         code == OpCode::slice || code == OpCode::reverse;
}

// The function's parameter that a value is a view of, or the op that makes it.
std::string subject_of(Value value) {
  value = before_barriers(value);
  while (value.op->kind() == OpKind::view || value.op->kind() == OpKind::check ||
         value.op->code == OpCode::cast) {
    value = before_barriers(value.op->operands[0]);
  }
  if (value.op->code == OpCode::parameter) return graph::Function::parameter_name(*value.op);
  if (value.op->code == OpCode::read) return value.op->attributes.text("state");
  return std::string(graph::name(value.op->code));
}

// Whether all elements are numbers from 0 to bound - 1, whatever the program is given.
bool is_below(Value value, int64_t bound) {
  value = before_barriers(value);
  while (moves_alone(value.op->code)) value = before_barriers(value.op->operands[0]);
  const Op& op = *value.op;
  if (op.code == OpCode::iota) {
    return op.results[0].shape[static_cast<size_t>(op.attributes.integer("axis"))] <= bound;
  }
  if (op.code != OpCode::constant) return false;
  const auto is_inside = [&](int64_t index) { return index >= 0 && index < bound; };
  if (!op.attributes.has("values")) return is_inside(op.attributes.integer("value"));
  return std::ranges::all_of(op.attributes.integers("values"), is_inside);
}

}  // namespace

void guard(graph::Function& function) {
  std::vector<std::unique_ptr<Op>> ops = std::move(function.ops());
  function.ops().clear();
  graph::ValueMap<Value> standing_for;
  std::set<std::tuple<const Op*, int, int64_t>> guarded;
  const auto resolve = [&](Value& value) {
    if (const auto it = standing_for.find(value); it != standing_for.end()) value = it->second;
  };
  for (auto& op : ops) {
    for (Value& operand : op->operands) resolve(operand);
    if (op->code == OpCode::gather || op->code == OpCode::scatter_add) {
      const Value indices = before_barriers(op->operands[1]);
      const auto axis = static_cast<size_t>(op->attributes.integer("axis"));
      const int64_t bound = op->operands[0].shape()[axis];
      if (!is_below(indices, bound) && guarded.insert({indices.op, indices.index, bound}).second) {
        auto check = std::make_unique<Op>();
        check->code = OpCode::check_index;
        check->operands = {indices};
        check->results = {indices.type()};
        check->attributes.set("bound", bound);
        check->attributes.set("op", std::string(graph::name(op->code)));
        check->attributes.set("what", subject_of(indices));
        check->location = op->location;
        function.append(std::move(check));
      }
    }
    if (op->kind() == OpKind::check) {
      if (op->code == OpCode::check_index && !op->attributes.has("ignore")) {
        const Value indices = op->operands[0];
        guarded.insert({indices.op, indices.index, op->attributes.integer("bound")});
      }
      if (!op->attributes.has("what")) op->attributes.set("what", subject_of(op->operands[0]));
      standing_for[op->result()] = op->operands[0];
      if (op->code == OpCode::check_index && is_below(op->operands[0], op->attributes.integer("bound")))
        continue;
    }
    function.append(std::move(op));
  }
  for (graph::Output& output : function.outputs) resolve(output.value);
  settle_barriers(function);
}

}  // namespace sinter::passes
