#include "passes/base/rewrite.h"

namespace sinter::passes {

void Replacements::add(std::unique_ptr<graph::Op> op, const std::vector<graph::Value>& by) {
  for (size_t i = 0; i < by.size(); ++i) map_[op->result(static_cast<int>(i))] = by[i];
  retired_.push_back(std::move(op));
}

graph::Value Replacements::operator()(graph::Value value) const {
  for (auto it = map_.find(value); it != map_.end(); it = map_.find(value)) value = it->second;
  return value;
}

void Replacements::apply(std::vector<graph::Value>& values) const {
  for (graph::Value& value : values) value = (*this)(value);
}

void rewrite_ops(graph::Function& function, Replacements& replacements, const Expand& expand) {
  std::vector<std::unique_ptr<graph::Op>> ops = std::move(function.ops());
  function.ops().clear();
  for (auto& op : ops) {
    replacements.apply(op->operands);
    if (const auto results = expand(*op)) {
      replacements.add(std::move(op), *results);
    } else {
      function.append(std::move(op));
    }
  }
  for (graph::Output& output : function.outputs) output.value = replacements(output.value);
}

std::vector<graph::Value> differentiated_values(const std::vector<std::unique_ptr<graph::Op>>& ops) {
  std::vector<graph::Value> values;
  for (const auto& op : ops) {
    if (op->code == graph::OpCode::grad)
      values.insert(values.end(), op->operands.begin() + 1, op->operands.end());
  }
  return values;
}

}  // namespace sinter::passes
