#include "passes/base/alone.h"

#include <fmt/format.h>

#include <algorithm>

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

graph::Module alone(const std::string& name, const std::vector<const Op*>& ops,
                    const std::function<bool(size_t result)>& wanted) {
  graph::Module module;
  Function& function = module.add_function(name);
  graph::ValueMap<Value> map;
  for (const Op* op : ops) {
    for (Value operand : op->operands) {
      if (map.contains(operand) || std::ranges::find(ops, operand.op) != ops.end()) continue;
      auto parameter = std::make_unique<Op>();
      parameter->code = OpCode::parameter;
      parameter->results = {operand.type()};
      parameter->attributes.set("name", fmt::format("p{}", map.size()));
      map[operand] = function.append(std::move(parameter)).result();
    }
  }
  for (const Op* op : ops) graph::clone_op(*op, function, map);
  Op& last = *function.ops().back();
  for (size_t i = 0; i < last.results.size(); ++i) {
    if (wanted == nullptr || wanted(i))
      function.outputs.push_back({fmt::format("output{}", i), last.result(static_cast<int>(i))});
  }
  return module;
}

}  // namespace sinter::passes
