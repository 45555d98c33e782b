#include "passes/simplify/contract_results.h"

#include <algorithm>

#include "passes/simplify/axes.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::Value;

std::vector<Value> differentiated_values(const std::vector<std::unique_ptr<Op>>& ops) {
  std::vector<Value> values;
  for (const auto& op : ops) {
    if (op->code == OpCode::grad) values.insert(values.end(), op->operands.begin() + 1, op->operands.end());
  }
  return values;
}

int absorb_transposes_of_contracts(graph::Function& function) {
  const auto is_candidate = [](const auto& op) {
    return op->code == OpCode::transpose && op->operands[0].op->code == OpCode::contract;
  };
  if (std::ranges::none_of(function.ops(), is_candidate)) return 0;
  const auto uses = graph::count_uses(function);
  const std::vector<Value> fixed = differentiated_values(function.ops());
  const auto is_fixed = [&](Value value) { return std::ranges::find(fixed, value) != fixed.end(); };
  graph::ValueMap<Value> by;
  const auto replace = [&](Value& value) {
    if (const auto it = by.find(value); it != by.end()) value = it->second;
  };
  for (const auto& op : function.ops()) {
    if (is_candidate(op) && uses.at(op->operands[0]) == 1 && !is_fixed(op->result())) {
      Op& contract = *op->operands[0].op;
      ContractDims dims = ContractDims::parse(contract.attributes.text("dims"));
      const std::string before = dims.result;
      for (size_t i = 0; i < before.size(); ++i) {
        dims.result[i] = before[at(op->attributes.integers("permutation")[i])];
      }
      contract.attributes.set("dims", dims.text());
      contract.results = op->results;
      by[op->result()] = contract.result();
    }
    std::ranges::for_each(op->operands, replace);
  }
  for (graph::Output& output : function.outputs) replace(output.value);
  return static_cast<int>(by.size());
}

}  // namespace sinter::passes
