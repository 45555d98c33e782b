#include "ir/graph/callees.h"

#include <unordered_set>

#include "ir/graph/module_names.h"

namespace sinter::graph {

namespace {

void visit(const ModuleNames& names, Function& function, std::unordered_set<const Function*>& seen,
           std::vector<Function*>& order) {
  if (!seen.insert(&function).second) return;
  for (const auto& op : function.ops()) {
    for (const std::string& called : callees(*op)) {
      const Function* function_called = names.find_function(called);
      if (function_called != nullptr) visit(names, const_cast<Function&>(*function_called), seen, order);
    }
  }
  order.push_back(&function);
}

}  // namespace

std::vector<Function*> callees_first(const Module& module) {
  std::vector<Function*> order;
  std::unordered_set<const Function*> seen;
  const ModuleNames names(module);
  for (const auto& function : module.functions) visit(names, *function, seen, order);
  return order;
}

std::string callee(const Op& op) {
  const bool runs = op.code == OpCode::call || op.code == OpCode::scan;
  return runs ? op.attributes.text("function") : "";
}

std::vector<std::string> callees(const Op& op) {
  std::vector<std::string> names;
  if (std::string run = callee(op); !run.empty()) names.push_back(std::move(run));
  if (op.code == OpCode::call && op.attributes.has("vjp")) names.push_back(op.attributes.text("vjp"));
  return names;
}

bool is_plain_call(const Op& op) {
  return op.code == OpCode::call && !op.attributes.flag("checkpoint") && !op.attributes.has("vjp");
}

std::set<std::string> states_touched(const Module& module, const Function& function, OpCode code) {
  std::set<std::string> names;
  std::unordered_set<const Function*> seen = {&function};
  std::vector<const Function*> pending = {&function};
  while (!pending.empty()) {
    const Function& next = *pending.back();
    pending.pop_back();
    for (const auto& op : next.ops()) {
      if (op->code == code) names.insert(op->attributes.text("state"));
      if (op->body != nullptr && seen.insert(op->body.get()).second) pending.push_back(op->body.get());
      const std::string run = callee(*op);
      if (run.empty()) continue;
      const Function* called = module.find_function(run);
      if (seen.insert(called).second) pending.push_back(called);
    }
  }
  return names;
}

}  // namespace sinter::graph
