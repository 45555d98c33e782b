#include "ir/graph/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "ir/graph/attribute_rules.h"
#include "ir/graph/callees.h"
#include "ir/graph/module_names.h"

namespace sinter::graph {
namespace {

// `message` names the op already, as those of infer_types do.
[[noreturn]] void fail_with(const Op& op, std::string_view message) {
  throw InvalidOp(op, std::string(message) + at(op.location));
}

template <typename... Args>
[[noreturn]] void fail(const Op& op, fmt::format_string<Args...> format, Args&&... args) {
  fail_with(op, fmt::format("{}: {}", name(op.code), fmt::format(format, std::forward<Args>(args)...)));
}

// As the text form can spell it: [A-Za-z_][A-Za-z0-9_.]*; a state, whose `@` tells it from a number, may
// begin with a digit.
bool is_identifier(std::string_view name, bool is_state) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto continues = [&](char c) { return is_letter(c) || is_digit(c) || c == '.'; };
  return !name.empty() && (is_letter(name[0]) || (is_state && is_digit(name[0]))) &&
         std::all_of(name.begin(), name.end(), continues);
}

// Every name of one kind, once each.
class Names {
 public:
  explicit Names(std::string what, bool are_states = false)
      : what_(std::move(what)), are_states_(are_states) {}

  // What is wrong with a further name, "" where nothing is.
  std::string add(const std::string& name) {
    if (!is_identifier(name, are_states_)) return fmt::format("'{}' is no name for {}", name, what_);
    if (!seen_.insert(name).second) return fmt::format("the name '{}' is given to {} twice", name, what_);
    return "";
  }

 private:
  std::string what_;
  bool are_states_;
  std::unordered_set<std::string> seen_;
};

// What must hold before an operand, or another function's results, can be looked at.
class Structure {
 public:
  explicit Structure(const Function& function) : function_(function) {}

  void check() {
    for (const auto& op : function_.ops()) {
      check_operands(*op);
      check_shapes(*op);
      check_parameter(*op);
      check_body(*op);
      check_write(*op);
      made_.insert(op.get());
      only_parameters_ = only_parameters_ && op->code == OpCode::parameter;
    }
    Names names("an output");
    for (size_t i = 0; i < function_.outputs.size(); ++i) {
      const Output& output = function_.outputs[i];
      const std::string name = output.name.empty() ? fmt::format("output{}", i) : output.name;
      std::string error = names.add(name);
      if (!is_made(output.value)) error = fmt::format("output '{}' is no value of this function", name);
      if (!error.empty()) throw GraphError(fmt::format("@{}: {}", function_.name(), error));
    }
  }

 private:
  // Looks into the op only when this function has it: others may be gone.
  bool is_made(Value value) const {
    return made_.contains(value.op) && value.index >= 0 &&
           value.index < static_cast<int>(value.op->results.size());
  }

  void check_operands(const Op& op) const {
    for (size_t i = 0; i < op.operands.size(); ++i) {
      if (!is_made(op.operands[i])) fail(op, "operand {} is not made before it in the same function", i);
    }
  }

  static void check_shapes(const Op& op) {
    for (const TensorType& type : op.results) {
      if (!is_valid(type.shape)) fail(op, "{} has a negative extent or is too large", to_string(type));
    }
  }

  void check_parameter(const Op& op) {
    if (op.code != OpCode::parameter) return;
    if (!only_parameters_) fail(op, "does not come before the other ops");
    if (!op.operands.empty() || op.results.size() != 1) fail(op, "has one result and no operands");
    check_attributes_of(op);
    const std::string error = parameters_.add(Function::parameter_name(op));
    if (!error.empty()) fail(op, "{}", error);
  }

  static void check_attributes_of(const Op& op) {
    try {
      check_attributes(op.code, op.attributes);
    } catch (const GraphError& error) {
      fail_with(op, error.what());
    }
  }

  static void check_body(const Op& op) {
    if ((op.body != nullptr) != (op.code == OpCode::kernel)) {
      fail(op, "{}", op.code == OpCode::kernel ? "has no body" : "only a kernel has a body");
    }
    if (op.body == nullptr) return;
    check_attributes_of(op);
    Structure(*op.body).check();
    const auto parameters = op.body->parameters();
    if (parameters.size() != op.operands.size()) {
      fail(op, "it has {} operands, its body takes {}", op.operands.size(), parameters.size());
    }
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i]->results[0] == op.operands[i].type()) continue;
      fail(op, "the body takes '{}' as {}, got {}", Function::parameter_name(*parameters[i]),
           to_string(parameters[i]->results[0]), to_string(op.operands[i].type()));
    }
  }

  void check_write(const Op& op) {
    if (op.code != OpCode::write) return;
    check_attributes_of(op);
    const std::string& state = op.attributes.text("state");
    if (!written_.insert(state).second) fail(op, "state '{}' is written twice in one function", state);
  }

  const Function& function_;
  std::unordered_set<const Op*> made_;
  std::unordered_set<std::string> written_;
  Names parameters_{"a parameter"};
  bool only_parameters_ = true;
};

std::vector<TensorType> expected_results(const Module& module, const ModuleNames& names, const Op& op) {
  if (op.code == OpCode::parameter) return op.results;
  if (op.code != OpCode::kernel) {
    try {
      return infer_types(module, names, op.code, op.operands, op.attributes);
    } catch (const GraphError& error) {
      fail_with(op, error.what());
    }
  }
  std::vector<TensorType> types;
  for (const Output& output : op.body->outputs) types.push_back(output.value.type());
  return types;
}

void check_types(const Module& module, const ModuleNames& names, const Function& function) {
  for (const auto& op : function.ops()) {
    const size_t values = op->kind() == OpKind::collective ? op->parts() : op->operands.size();
    for (size_t i = 0; i < values; ++i) {
      if (is_order_of_ranks(op->operands[i]))
        fail(*op, "operand {} says what ranks make together after it, and is no value", i);
    }
    if (op->body != nullptr) check_types(module, names, *op->body);
    const auto expected = expected_results(module, names, *op);
    if (op->results.size() != expected.size()) {
      fail(*op, "{} results are stated, it has {}", op->results.size(), expected.size());
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      if (op->results[i] == expected[i]) continue;
      fail(*op, "the result is stated as {}, it is {}", to_string(op->results[i]), to_string(expected[i]));
    }
  }
  for (const Output& output : function.outputs) {
    if (is_order_of_ranks(output.value))
      fail(*output.value.op, "the last result says what comes after it, and is no value to return");
  }
}

// Follows calls depth first; a function met again while it is being followed calls itself.
class Recursion {
 public:
  Recursion(const Module& module, const ModuleNames& names) : module_(module), names_(names) {}

  void check() {
    for (const auto& function : module_.functions) follow(*function, 0);
  }

 private:
  // Passes recurse along calls as this does.
  static constexpr int kDeepest = 256;

  void follow(const Function& function, int depth) {
    if (!done_.try_emplace(&function, false).second) return;
    for (const auto& op : function.ops()) {
      if (op->body != nullptr) follow(*op->body, depth);
      const std::string run = callee(*op);
      if (run.empty()) continue;
      const Function* called = names_.find_function(run);
      const auto it = done_.find(called);
      if (it != done_.end() && !it->second) fail(*op, "'{}' would call itself", called->name());
      if (depth == kDeepest) fail(*op, "calls nest deeper than {}", kDeepest);
      follow(*called, depth + 1);
    }
    done_[&function] = true;
  }

  const Module& module_;
  const ModuleNames& names_;
  std::unordered_map<const Function*, bool> done_;
};

// A loop neither writes state, nor reads what is written before it: writes happen at a call's end.
class Loops {
 public:
  Loops(const Module& module, const ModuleNames& names) : module_(module), names_(names) {}

  void check() {
    for (const Function* function : callees_first(module_)) add(*function, touched_[function]);
  }

 private:
  // The states that a function reads and writes, itself or in what it runs.
  struct Touched {
    std::set<std::string> read, written;
  };

  void add(const Function& function, Touched& all) {
    for (const auto& op : function.ops()) {
      if (op->code == OpCode::read) all.read.insert(op->attributes.text("state"));
      if (op->code == OpCode::write) all.written.insert(op->attributes.text("state"));
      if (op->body != nullptr) add(*op->body, all);
      const std::string run = callee(*op);
      if (run.empty()) continue;
      const Function& body = *names_.find_function(run);
      const Touched& inside = touched_.at(&body);
      if (op->code == OpCode::scan) check_loop(*op, body, inside, all.written);
      all.read.insert(inside.read.begin(), inside.read.end());
      all.written.insert(inside.written.begin(), inside.written.end());
    }
  }

  static void check_loop(const Op& loop, const Function& body, const Touched& inside,
                         const std::set<std::string>& written) {
    for (const std::string& state : inside.written)
      fail(loop, "'{}' writes state '{}'; carry it, and write it behind the loop", body.name(), state);
    for (const std::string& state : inside.read) {
      if (written.contains(state)) {
        fail(loop,
             "'{}' reads state '{}', which is written before the loop; read it before the loop, and hand it "
             "over",
             body.name(), state);
      }
    }
  }

  const Module& module_;
  const ModuleNames& names_;
  std::unordered_map<const Function*, Touched> touched_;
};

void check_names(const Module& module) {
  Names states("a state", true), functions("a function");
  for (const State& state : module.states) {
    std::string error = states.add(state.name);
    if (!is_valid(state.type.shape)) {
      error = fmt::format("state '{}': {} has a negative extent or is too large", state.name,
                          to_string(state.type));
    }
    if (!error.empty()) throw GraphError(error);
  }
  for (const auto& function : module.functions) {
    const std::string error = functions.add(function->name());
    if (!error.empty()) throw GraphError(error);
  }
}

}  // namespace

bool is_order_of_ranks(Value value) {
  return value.op->kind() == OpKind::collective &&
         static_cast<size_t>(value.index) + 1 == value.op->results.size();
}

void verify(const Module& module) {
  check_names(module);
  for (const auto& function : module.functions) Structure(*function).check();
  const ModuleNames names(module);
  for (const auto& function : module.functions) check_types(module, names, *function);
  Recursion(module, names).check();
  Loops(module, names).check();
}

}  // namespace sinter::graph
