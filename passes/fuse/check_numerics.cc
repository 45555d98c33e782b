#include "passes/fuse/check_numerics.h"

#include <fmt/format.h>

#include <set>
#include <unordered_set>

#include "ir/graph/builder.h"
#include "ir/graph/callees.h"

namespace sinter::passes {

using graph::DType;
using graph::OpCode;
using graph::Value;

namespace {

class Checker {
 public:
  Checker(graph::Module& module, graph::Function& function) : builder_(module, function) {}

  void check(Value value, const std::string& what, const graph::Location& location) {
    if (!is_floating(value.dtype()) || !checked_.insert(value).second) return;
    builder_.set_location(location);
    const bool is_wide = value.dtype() == DType::f32 || value.dtype() == DType::f64;
    builder_.check_finite(is_wide ? value : builder_.cast(value, DType::f32), what);
  }

 private:
  graph::Builder builder_;
  std::unordered_set<Value, graph::ValueHash> checked_;
};

}  // namespace

void check_numerics(graph::Module& module) {
  std::set<std::string> run;
  for (const auto& function : module.functions) {
    for (const auto& op : function->ops()) run.insert(graph::callee(*op));
  }
  for (const auto& function : module.functions) {
    Checker checker(module, *function);
    std::vector<std::unique_ptr<graph::Op>> ops = std::move(function->ops());
    function->ops().clear();
    for (auto& op : ops) {
      if (op->code == OpCode::write)
        checker.check(op->operands[0], fmt::format("state '{}'", op->attributes.text("state")), op->location);
      function->append(std::move(op));
    }
    if (run.contains(function->name())) continue;
    for (const graph::Output& output : function->outputs)
      checker.check(output.value, fmt::format("output '{}'", output.name), output.value.op->location);
  }
}

}  // namespace sinter::passes
