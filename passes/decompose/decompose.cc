#include "passes/decompose/decompose.h"

#include <fmt/format.h>

#include <set>

#include "ir/error.h"
#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {
namespace {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

// Those named; with `only` before them, all others.
std::set<OpCode> kept_composites(std::vector<std::string> names) {
  std::set<OpCode> kept;
  const bool only = !names.empty() && names[0] == "only";
  if (only) names.erase(names.begin());
  for (const std::string& name : names) {
    const auto code = graph::opcode_from_name(name);
    if (!code || graph::info(*code).kind != graph::OpKind::composite) {
      throw GraphError(fmt::format("decompose: '{}' is no composite", name));
    }
    kept.insert(*code);
  }
  if (only) {
    std::set<OpCode> others;
    for (OpCode code : graph::all_opcodes()) {
      if (!kept.contains(code)) others.insert(code);
    }
    return others;
  }
  return kept;
}

// One level; whether there was any.
bool decompose_once(graph::Module& module, Function& function, const std::set<OpCode>& kept) {
  bool found = false;
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.kind() != graph::OpKind::composite || kept.contains(op.code)) return std::nullopt;
    found = true;
    graph::Builder builder(module, function);
    builder.set_location(op.location);
    return graph::decompose(builder, op.code, op.operands, op.attributes);
  });
  return found;
}

}  // namespace

void decompose(graph::Module& module, const std::vector<std::string>& arguments) {
  const std::set<OpCode> kept = kept_composites(arguments);
  for (const auto& function : module.functions) {
    while (decompose_once(module, *function, kept)) {
    }
  }
}

}  // namespace sinter::passes
