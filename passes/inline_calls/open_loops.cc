#include "passes/inline_calls/open_loops.h"

#include "ir/graph/callees.h"
#include "passes/base/rewrite.h"
#include "passes/inline_calls/inline_calls.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

Value reshaped(Function& function, Value value, graph::Shape shape) {
  auto op = std::make_unique<Op>();
  op->code = OpCode::reshape;
  op->operands = {value};
  op->results = {{value.dtype(), shape}};
  op->attributes.set("shape", std::move(shape));
  op->location = value.op->location;
  return function.append(std::move(op)).result();
}

std::vector<Value> opened(Function& function, const Function& body, const Op& scan) {
  const auto carries = static_cast<size_t>(scan.attributes.integer("carries"));
  const auto constants = static_cast<size_t>(scan.attributes.integer("constants"));
  std::vector<Value> operands = scan.operands;
  for (size_t i = carries; i < operands.size() - constants; ++i) {
    graph::Shape shape = operands[i].shape();
    shape.erase(shape.begin());
    operands[i] = reshaped(function, operands[i], std::move(shape));
  }
  std::vector<Value> results = inline_function(function, body, operands);
  for (size_t i = carries; i < results.size(); ++i)
    results[i] = reshaped(function, results[i], scan.results[i].shape);
  return results;
}

}  // namespace

void open_loops(graph::Module& module, const Arguments& arguments) {
  check_arguments("open_loops", arguments, {});
  for (Function* function : graph::callees_first(module)) {
    Replacements replacements;
    rewrite_ops(*function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
      if (op.code != OpCode::scan || op.attributes.integer("length") != 1) return std::nullopt;
      return opened(*function, *module.find_function(graph::callee(op)), op);
    });
  }
}

}  // namespace sinter::passes
