#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"
#include "passes/differentiate/backward.h"
#include "passes/differentiate/vjp.h"
#include "passes/differentiate/vjp_function.h"
#include "passes/inline_calls/inline_calls.h"

// Calls that are not simply inlined: those with a gradient of their own, and those whose work is repeated in
// the backward pass instead of being kept.
namespace sinter::passes {
namespace {

using graph::Function;
using graph::Value;

// vjp="name": a function of the operands and a cotangent for each floating result, which returns a cotangent
// for each floating operand.
std::vector<Value> custom_vjp(const Vjp& v) {
  const std::string& name = v.op.attributes.text("vjp");
  const auto fail = [&](const std::string& what) {
    throw GraphError(fmt::format("call: the vjp '{}' of '{}' {}{}", name, v.op.attributes.text("function"),
                                 what, at(v.op.location)));
  };
  const Function* function = v.module.find_function(name);
  if (function == nullptr) fail("is no function of the module");
  std::vector<Value> operands = v.op.operands;
  for (size_t i = 0; i < v.op.results.size(); ++i) {
    const Value result = v.y(static_cast<int>(i));
    if (!is_floating(result.dtype())) continue;
    operands.push_back(v.cotangents[i] ? v.cotangents[i] : v.zeros(result));
  }
  const std::vector<Value> found = v.b.call(*function, operands);
  const auto floating = std::count_if(v.op.operands.begin(), v.op.operands.end(),
                                      [](Value operand) { return is_floating(operand.dtype()); });
  if (static_cast<size_t>(floating) != found.size()) {
    fail(fmt::format("returns {} values for {} floating operands", found.size(), floating));
  }
  std::vector<Value> result(v.op.operands.size());
  auto next = found.begin();
  for (size_t i = 0; i < result.size(); ++i) {
    const graph::TensorType& type = v.x(i).type();
    if (!is_floating(type.dtype)) continue;
    if (next->type() != type) {
      fail(fmt::format("returns {} as the cotangent of operand {}, which is {}", to_string(next->type()), i,
                       to_string(type)));
    }
    result[i] = *next++;
  }
  return result;
}

// checkpoint=true: repeats the callee on its operands, seen through a barrier so that the repeated work is
// not merged with the first. The cotangents pass the barrier with them: nothing is repeated before they are
// there.
std::vector<Value> checkpoint_vjp(const Vjp& v) {
  const Function& callee = *v.module.find_function(v.op.attributes.text("function"));
  std::vector<bool> given;
  std::vector<Value> operands = v.op.operands;
  for (Value cotangent : v.cotangents) {
    given.push_back(static_cast<bool>(cotangent));
    if (cotangent) operands.push_back(cotangent);
  }
  const auto function = make_vjp_function(v.module, callee, v.wanted, given, v.op.location);
  const std::vector<Value> found = inline_function(v.b.function(), *function, v.b.barrier(operands));
  std::vector<Value> result(v.op.operands.size());
  size_t next = 0;
  for (size_t i = 0; i < result.size(); ++i) {
    if (v.wanted[i]) result[i] = found[next++];
  }
  return result;
}

}  // namespace

std::vector<Value> call_vjp(const Vjp& v) {
  return v.op.attributes.has("vjp") ? custom_vjp(v) : checkpoint_vjp(v);
}

}  // namespace sinter::passes
