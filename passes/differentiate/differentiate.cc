#include "passes/differentiate/differentiate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ir/error.h"
#include "ir/graph/callees.h"
#include "passes/base/arguments.h"
#include "passes/differentiate/backward.h"
#include "passes/inline_calls/inline_calls.h"

namespace sinter::passes {
namespace {

using graph::Builder;
using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Value;

void expand_grads(Module& module, Function& function, OpSet& of_gradients) {
  keep_leaves_apart(function);
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::grad) return std::nullopt;
    Builder builder(module, function);
    builder.set_location(op.location);
    const Value loss = op.operands[0];
    const Value seed = builder.constant_like(1, loss);
    std::vector<Value> gradients =
        backward(builder, {loss}, {seed}, {op.operands.begin() + 1, op.operands.end()}, replacements);
    const auto& ops = function.ops();
    for (auto made = ops.rbegin(); made->get() != seed.op; ++made) of_gradients.insert(made->get());
    return gradients;
  });
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else if (c != ' ') {
      parts.back() += c;
    }
  }
  return parts;
}

struct Request {
  std::string of;
  std::vector<std::string> wrt;
};

Request parse_request(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> given;
  for (const std::string& argument : arguments) {
    const auto [key, value] = key_and_value(argument);
    given[key] = value;
  }
  if (given.size() != 2 || !given.contains("of") || !given.contains("wrt")) {
    throw GraphError("differentiate: the arguments are of=OUTPUT and wrt=PARAMETER,PARAMETER");
  }
  return {given["of"], split(given["wrt"])};
}

// A parameter behind those there are.
Value append_parameter(Builder& builder, std::string name, const graph::TensorType& type) {
  const Value value = builder.parameter(std::move(name), type);
  auto& ops = builder.function().ops();
  const auto body =
      std::find_if(ops.begin(), ops.end(), [](const auto& op) { return op->code != OpCode::parameter; });
  std::rotate(body, ops.end() - 1, ops.end());
  return value;
}

void append_gradients(Module& module, const Request& request) {
  const auto has_output = [&](const auto& function) {
    return std::any_of(function->outputs.begin(), function->outputs.end(),
                       [&](const graph::Output& output) { return output.name == request.of; });
  };
  const auto found = std::find_if(module.functions.begin(), module.functions.end(), has_output);
  if (found == module.functions.end()) {
    throw GraphError(fmt::format("differentiate: no function returns '{}'", request.of));
  }
  Function& function = **found;

  std::vector<Value> wrt;
  for (const std::string& name : request.wrt) {
    for (Op* parameter : function.parameters()) {
      if (Function::parameter_name(*parameter) == name) wrt.push_back(parameter->result());
    }
    if (wrt.size() != static_cast<size_t>(&name - request.wrt.data()) + 1) {
      throw GraphError(fmt::format("differentiate: '{}' has no parameter '{}'", function.name(), name));
    }
  }
  Builder builder(module, function);
  const Value output =
      std::find_if(function.outputs.begin(), function.outputs.end(), [&](const graph::Output& o) {
        return o.name == request.of;
      })->value;
  if (!is_floating(output.dtype())) {
    throw GraphError(
        fmt::format("differentiate: output '{}' is {}, not floating", request.of, to_string(output.type())));
  }
  const Value cotangent = output.rank() == 0 ? builder.constant_like(1, output)
                                             : append_parameter(builder, "d_" + request.of, output.type());
  const std::vector<Value> gradients = backward(builder, {output}, {cotangent}, wrt);
  for (size_t i = 0; i < gradients.size(); ++i) builder.output("d_" + request.wrt[i], gradients[i]);
}

}  // namespace

OpSet expand_grads(Module& module) {
  OpSet of_gradients;
  for (Function* function : graph::callees_first(module)) expand_grads(module, *function, of_gradients);
  return of_gradients;
}

void differentiate(Module& module, const std::vector<std::string>& arguments) {
  expand_grads(module);
  if (!arguments.empty()) append_gradients(module, parse_request(arguments));
}

graph::Module differentiated(const graph::Module& module) {
  graph::Module result = graph::clone(module);
  differentiate(result);
  return result;
}

}  // namespace sinter::passes
