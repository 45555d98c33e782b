#include "passes/split_batch/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "passes/base/rewrite.h"
#include "passes/inline_calls/inline_calls.h"

namespace sinter::passes {
namespace {

using graph::Builder;
using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Value;

bool is_composite(const Op& op) {
  return op.kind() == graph::OpKind::composite;
}

// Takes rows, and makes something that has none.
bool puts_rows_together(const Pairing& pairing, const Op& op) {
  const auto has_none = [&](int i) { return !pairing.has_rows(Value{const_cast<Op*>(&op), i}); };
  if (!pairing.takes_rows(op)) return false;
  for (size_t i = 0; i < op.results.size(); ++i) {
    if (has_none(static_cast<int>(i))) return true;
  }
  return false;
}

void open(Module& module, Function& function, const std::unordered_set<const Op*>& closed) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (!closed.contains(&op)) return std::nullopt;
    Builder builder(module, function);
    builder.set_location(op.location);
    if (is_composite(op)) return graph::decompose(builder, op.code, op.operands, op.attributes);
    return inline_function(function, *module.find_function(graph::callee(op)), op.operands);
  });
}

// Once; whether there was any.
bool open_level(Module& module, Function& whole, Function& part, int64_t parts) {
  const Pairing pairing(module, whole, part, parts);
  std::unordered_set<const Op*> closed;
  for (const Op* op : pairing.ops()) {
    const bool together = (is_composite(*op) || (op->code == OpCode::call && !op->attributes.has("vjp"))) &&
                          puts_rows_together(pairing, *op);
    const bool random = is_composite(*op) && op->attributes.has("key") && pairing.makes_rows(*op);
    if (!together && !random) continue;
    closed.insert(op);
    closed.insert(&pairing.twin(*op));
  }
  if (closed.empty()) return false;
  open(module, whole, closed);
  open(module, part, closed);
  return true;
}

// Of all that the two call, each pair once, callees first.
void collect_callees(const Module& module, const Function& whole, const Function& part,
                     std::vector<std::pair<Function*, Function*>>& pairs) {
  for (size_t i = 0; i < whole.ops().size(); ++i) {
    const std::vector<std::string> of_whole = graph::callees(*whole.ops()[i]);
    const std::vector<std::string> of_part = graph::callees(*part.ops()[i]);
    for (size_t j = 0; j < of_whole.size(); ++j) {
      const std::pair pair(module.find_function(of_whole[j]), module.find_function(of_part[j]));
      if (std::ranges::count(pairs, pair) != 0) continue;
      collect_callees(module, *pair.first, *pair.second, pairs);
      pairs.push_back(pair);
    }
  }
}

bool runs_one_of(const Op& op, const std::set<std::string>& functions) {
  const std::vector<std::string> all = graph::callees(op);
  return std::ranges::any_of(all, [&](const std::string& name) { return functions.contains(name); });
}

void number_rows(Module& module, Function& part, const Pairing& pairing,
                 const std::set<std::string>& numbered) {
  Builder builder(module, part);
  const Value number = builder.parameter("number", {graph::DType::i32, {}});
  auto& ops = part.ops();
  const auto body = std::ranges::find_if(ops, [](const auto& op) { return op->code != OpCode::parameter; });
  std::rotate(body, ops.end() - 1, ops.end());
  std::unordered_map<const Op*, const Op*> whole;
  for (const Op* op : pairing.ops()) whole[&pairing.twin(*op)] = op;
  Replacements replacements;
  rewrite_ops(part, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (runs_one_of(op, numbered)) pass_number(op, number);
    const auto found = whole.find(&op);
    if (found == whole.end() || !is_numbered_source(pairing, *found->second)) return std::nullopt;
    return std::vector{numbered_rows(builder, pairing, *found->second, op.operands, number)};
  });
}

}  // namespace

void open_up(Module& module, Function& whole, Function& part, int64_t parts) {
  while (open_level(module, whole, part, parts)) {
  }
  std::vector<std::pair<Function*, Function*>> pairs;
  collect_callees(module, whole, part, pairs);
  for (const auto& [of_whole, of_part] : pairs) {
    while (open_level(module, *of_whole, *of_part, parts)) {
    }
  }
}

bool is_numbered_source(const Pairing& pairing, const Op& op) {
  if (op.kind() != graph::OpKind::source || op.code == OpCode::parameter || !pairing.makes_rows(op))
    return false;
  const Value result{const_cast<Op*>(&op), 0};
  if (op.code == OpCode::iota &&
      pairing.batch_axis(result) != static_cast<size_t>(op.attributes.integer("axis"))) {
    return false;
  }
  // A constant of one value is the same wherever it stands.
  const graph::Attribute* value = op.attributes.find("value");
  const bool is_table = value != nullptr && (std::holds_alternative<std::vector<int64_t>>(*value) ||
                                             std::holds_alternative<std::vector<double>>(*value));
  return op.code != OpCode::constant || is_table;
}

Value numbered_rows(Builder& builder, const Pairing& pairing, const Op& source,
                    const std::vector<Value>& operands, Value number) {
  const size_t axis = pairing.batch_axis(Value{const_cast<Op*>(&source), 0});
  const Value all = builder.emit(source.code, operands, source.attributes).result();
  std::vector<Value> starts(source.results[0].shape.size(), builder.constant_int(0, graph::DType::i32));
  starts[axis] = builder.mul(
      number, builder.constant_int(pairing.twin(source).results[0].shape[axis], graph::DType::i32));
  return builder.dynamic_slice(all, starts, pairing.twin(source).results[0].shape);
}

std::set<std::string> number_callees(Module& module, const Function& whole, const Function& part,
                                     int64_t parts) {
  std::vector<std::pair<Function*, Function*>> pairs;
  collect_callees(module, whole, part, pairs);
  std::vector<Pairing> pairings;  // of all, while they are alike
  for (const auto& [of_whole, of_part] : pairs) pairings.emplace_back(module, *of_whole, *of_part, parts);
  std::set<std::string> numbered;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Pairing& pairing = pairings[i];
    const bool has = std::ranges::any_of(pairing.ops(), [&](const Op* op) {
      return is_numbered_source(pairing, *op) || runs_one_of(pairing.twin(*op), numbered);
    });
    if (!has) continue;
    Function& function = *pairs[i].second;
    number_rows(module, function, pairing, numbered);
    numbered.insert(function.name());
  }
  return numbered;
}

void pass_number(Op& op, Value number) {
  if (op.attributes.has("vjp")) {
    throw GraphError(
        fmt::format("call: random numbers of rows inside of a gradient of one's own cannot be split "
                    "into micro-batches{}; pass them as an input",
                    at(op.location)));
  }
  op.operands.push_back(number);
  if (op.code == OpCode::scan) op.attributes.set("constants", op.attributes.integer("constants") + 1);
}

}  // namespace sinter::passes
