#include "passes/simplify/contract_results.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "passes/base/rewrite.h"
#include "passes/simplify/axes.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

bool is_splat(Value value) {
  return value.op->code == OpCode::constant && value.op->attributes.has("value");
}

class Search {
 public:
  explicit Search(const graph::Function& function) : uses_(graph::count_uses(function)) {
    for (Value value : differentiated_values(function.ops())) fixed_.insert(value.op);
  }

  // The contract that `transpose` may be taken into, or null.
  Op* contract_above(const Op& transpose) const {
    if (transpose.code != OpCode::transpose || fixed_.contains(&transpose)) return nullptr;
    const Axes back = inverse(transpose.attributes.integers("permutation"));
    Value value = transpose.operands[0];
    while (value && uses_.at(value) == 1 && !fixed_.contains(value.op)) {
      if (value.op->code == OpCode::contract) return value.op;
      value = moving_operand(*value.op, back);
    }
    return nullptr;
  }

 private:
  // The operand of an elementwise op that is no constant or broadcast which could as well be made transposed.
  static Value moving_operand(const Op& op, const Axes& back) {
    if (op.kind() != graph::OpKind::elementwise) return {};
    Value moving;
    for (Value operand : op.operands) {
      const bool either =
          is_splat(operand) || (operand.op->code == OpCode::broadcast &&
                                std::ranges::is_sorted(pick(back, operand.op->attributes.integers("dims"))));
      if (either) continue;
      if (moving) return {};
      moving = operand;
    }
    return moving;
  }

  graph::ValueMap<int> uses_;
  std::unordered_set<const Op*> fixed_;
};

void permute_result(Op& contract, const Op& transpose, const Axes& permutation) {
  ContractDims dims = ContractDims::parse(contract.attributes.text("dims"));
  const std::string before = dims.result;
  for (size_t i = 0; i < before.size(); ++i) dims.result[i] = before[at(permutation[i])];
  contract.attributes.set("dims", dims.text());
  contract.results[0].shape = transpose.results[0].shape;
}

std::unique_ptr<Op> transposed_back(Op& contract, const Axes& permutation, graph::TensorType type) {
  auto op = std::make_unique<Op>();
  op->code = OpCode::transpose;
  op->operands = {contract.result()};
  op->attributes.set("permutation", inverse(permutation));
  op->results = {std::move(type)};
  op->location = contract.location;
  return op;
}

}  // namespace

void absorb_transposes_of_contracts(graph::Function& function) {
  const auto& ops = function.ops();
  if (std::ranges::none_of(ops, [](const auto& op) { return op->code == OpCode::transpose; })) return;
  const Search search(function);
  std::unordered_map<const Op*, std::unique_ptr<Op>> back;  // by the contract they follow
  graph::ValueMap<Value> by;
  for (const auto& op : ops) {
    Op* contract = search.contract_above(*op);
    if (contract == nullptr) continue;
    const Axes& permutation = op->attributes.integers("permutation");
    auto transpose = transposed_back(*contract, permutation, contract->results[0]);
    permute_result(*contract, *op, permutation);
    if (op->operands[0] == contract->result()) {
      by[op->result()] = contract->result();
    } else {
      by[contract->result()] = transpose->result();
      back.emplace(contract, std::move(transpose));
    }
  }

  std::vector<std::unique_ptr<Op>> before = std::move(function.ops());
  function.ops().clear();
  const auto replace = [&](Value& value) {
    if (const auto it = by.find(value); it != by.end()) value = it->second;
  };
  for (auto& op : before) {
    if (op->code == OpCode::transpose && by.contains(op->result())) continue;  // its contract has its place
    std::ranges::for_each(op->operands, replace);
    const auto follower = back.find(op.get());
    function.append(std::move(op));
    if (follower != back.end()) function.append(std::move(follower->second));
  }
  for (graph::Output& output : function.outputs) replace(output.value);
}

}  // namespace sinter::passes
