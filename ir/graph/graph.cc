#include "ir/graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "ir/error.h"

namespace sinter::graph {
namespace {

constexpr std::array kOps = {
#define SINTER_OP(name, least, most, kind, ...) \
  OpInfo{#name, least, most, OpKind::kind __VA_OPT__(, ) __VA_ARGS__},
#include "ir/graph/ops.def"
#undef SINTER_OP
};

constexpr std::array kCodes = {
#define SINTER_OP(name, ...) OpCode::name,
#include "ir/graph/ops.def"
#undef SINTER_OP
};

}  // namespace

const OpInfo& info(OpCode code) {
  return kOps[static_cast<size_t>(code)];
}

std::optional<OpCode> opcode_from_name(std::string_view name) {
  for (OpCode code : kCodes) {
    if (info(code).name == name) return code;
  }
  return std::nullopt;
}

std::span<const OpCode> all_opcodes() {
  return kCodes;
}

std::string to_string(const Location& location) {
  std::string text;
  if (!location.file.empty()) text = fmt::format("{}:{}", location.file, location.line);
  if (!location.scope.empty()) text += fmt::format("{}in {}", text.empty() ? "" : ", ", location.scope);
  return text;
}

std::string at(const Location& location) {
  const std::string where = to_string(location);
  return where.empty() ? where : fmt::format(" ({})", where);
}

Value strip_reshapes(Value value) {
  while (value.op->code == OpCode::reshape) value = value.op->operands[0];
  return value;
}

Op& Function::append(std::unique_ptr<Op> op) {
  ops_.push_back(std::move(op));
  return *ops_.back();
}

std::vector<Op*> Function::parameters() const {
  std::vector<Op*> result;
  for (const auto& op : ops_) {
    if (op->code == OpCode::parameter) result.push_back(op.get());
  }
  return result;
}

Function& Module::add_function(std::string name) {
  functions.push_back(std::make_unique<Function>(std::move(name)));
  return *functions.back();
}

Function* Module::find_function(std::string_view name) const {
  for (const auto& function : functions) {
    if (function->name() == name) return function.get();
  }
  return nullptr;
}

const State* Module::find_state(std::string_view name) const {
  for (const State& state : states) {
    if (state.name == name) return &state;
  }
  return nullptr;
}

Op& clone_op(const Op& op, Function& to, ValueMap<Value>& map) {
  auto copy = std::make_unique<Op>();
  copy->code = op.code;
  copy->results = op.results;
  copy->attributes = op.attributes;
  copy->location = op.location;
  copy->operands.reserve(op.operands.size());
  for (Value operand : op.operands) {
    const auto it = map.find(operand);
    if (it == map.end()) {
      throw InternalError(fmt::format("clone: an operand of '{}' has not been copied", name(op.code)));
    }
    copy->operands.push_back(it->second);
  }
  if (op.body) copy->body = clone(*op.body);
  Op& result = to.append(std::move(copy));
  for (size_t i = 0; i < op.results.size(); ++i) {
    map[Value{const_cast<Op*>(&op), static_cast<int>(i)}] = result.result(static_cast<int>(i));
  }
  return result;
}

std::unique_ptr<Function> clone(const Function& function) {
  auto copy = std::make_unique<Function>(function.name());
  ValueMap<Value> map;
  for (const auto& op : function.ops()) clone_op(*op, *copy, map);
  for (const Output& output : function.outputs) copy->outputs.push_back({output.name, map.at(output.value)});
  return copy;
}

Module clone(const Module& module) {
  Module copy;
  copy.states = module.states;
  for (const auto& function : module.functions) copy.functions.push_back(clone(*function));
  return copy;
}

ValueMap<int> count_uses(const Function& function) {
  ValueMap<int> uses;
  for (const auto& op : function.ops()) {
    for (size_t i = 0; i < op->results.size(); ++i) uses.try_emplace(op->result(static_cast<int>(i)), 0);
    for (Value operand : op->operands) ++uses[operand];
  }
  for (const Output& output : function.outputs) ++uses[output.value];
  return uses;
}

ContractDims ContractDims::parse(std::string_view text) {
  const size_t comma = text.find(',');
  const size_t arrow = text.find("->");
  if (comma == std::string_view::npos || arrow == std::string_view::npos || arrow < comma) {
    throw GraphError(fmt::format("contract: dims '{}' are not of the form 'bik,bkj->bij'", text));
  }
  ContractDims dims{std::string(text.substr(0, comma)),
                    std::string(text.substr(comma + 1, arrow - comma - 1)),
                    std::string(text.substr(arrow + 2))};
  const auto count = [](const std::string& term, char letter) {
    return std::count(term.begin(), term.end(), letter);
  };
  for (char letter : dims.lhs + dims.rhs + dims.result) {
    const auto terms = {count(dims.lhs, letter), count(dims.rhs, letter), count(dims.result, letter)};
    if (!std::isalpha(static_cast<unsigned char>(letter)) || std::max(terms) > 1 ||
        std::count(terms.begin(), terms.end(), 0) > 1) {
      throw GraphError(
          fmt::format("contract: '{}' in dims '{}' must be a letter that occurs in two or three of lhs, "
                      "rhs and result, once in each",
                      letter, text));
    }
  }
  return dims;
}

}  // namespace sinter::graph
