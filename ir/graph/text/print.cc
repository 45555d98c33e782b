#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "ir/graph/text/text.h"

namespace sinter::graph {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// The shortest text that reads back as the same double, and never as an integer.
std::string number(double value) {
  if (std::isnan(value)) return "nan";
  std::string out = fmt::format("{}", value);
  if (std::isfinite(value) && out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

struct AttributePrinter {
  std::string operator()(int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return number(value); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const std::vector<int64_t>& values) const {
    return fmt::format("[{}]", fmt::join(values, ","));
  }
  std::string operator()(const std::vector<double>& values) const {
    std::vector<std::string> texts;
    for (double value : values) texts.push_back(number(value));
    return fmt::format("[{}]", fmt::join(texts, ","));
  }
  std::string operator()(DType value) const { return std::string(name(value)); }
};

// Prints one function, or the body of a kernel: names of values mean nothing outside of it.
class FunctionPrinter {
 public:
  FunctionPrinter(const PrintOptions& options, std::string& out, int indent)
      : options_(options), out_(out), indent_(static_cast<size_t>(indent), ' ') {}

  // "(%a: f32[2], %b: f32[2]) {", the ops a line each, "}".
  void print(const Function& function) {
    name_values(function);
    out_ += "(";
    std::string_view separator;
    for (const auto& op : function.ops()) {
      if (op->code != OpCode::parameter) continue;
      fmt::format_to(std::back_inserter(out_), "{}{}", separator, typed(op->result()));
      print_location(op->location);
      separator = ", ";
    }
    out_ += ") {\n";
    for (const auto& op : function.ops()) {
      if (op->code != OpCode::parameter) print_op(*op);
    }
    print_return(function);
    out_ += indent_ + "}";
  }

 private:
  void name_values(const Function& function) {
    int next = 0;
    for (const auto& op : function.ops()) {
      for (int i = 0; i < static_cast<int>(op->results.size()); ++i) {
        names_[op->result(i)] =
            op->code == OpCode::parameter ? "%" + Function::parameter_name(*op) : fmt::format("%{}", next++);
      }
    }
  }

  // A value of another function, in a module that the verifier would refuse, prints as "%?".
  std::string value(Value value) const {
    const auto it = names_.find(value);
    return it == names_.end() ? "%?" : it->second;
  }

  std::string typed(Value result) const {
    return fmt::format("{}: {}", value(result), to_string(result.type()));
  }

  void print_op(Op& op) {
    out_ += indent_ + "  ";
    std::string_view separator;
    for (int i = 0; i < static_cast<int>(op.results.size()); ++i) {
      fmt::format_to(std::back_inserter(out_), "{}{}", separator, typed(op.result(i)));
      separator = ", ";
    }
    fmt::format_to(std::back_inserter(out_), "{}{}", op.results.empty() ? "" : " = ", name(op.code));
    separator = " ";
    for (Value operand : op.operands) {
      fmt::format_to(std::back_inserter(out_), "{}{}", separator, value(operand));
      separator = ", ";
    }
    print_attributes(op.attributes);
    print_location(op.location);
    if (op.body != nullptr) {
      out_ += " ";
      FunctionPrinter(options_, out_, static_cast<int>(indent_.size()) + 2).print(*op.body);
    }
    out_ += "\n";
  }

  void print_attributes(const Attributes& attributes) {
    std::string_view separator = " {";
    for (const auto& [key, attribute] : attributes) {
      if (key == "apart" && !options_.apart) continue;
      fmt::format_to(std::back_inserter(out_), "{}{}={}", separator, key,
                     std::visit(AttributePrinter(), attribute));
      separator = ", ";
    }
    if (separator == ", ") out_ += "}";
  }

  void print_location(const Location& location) {
    if (!options_.locations || location == Location()) return;
    fmt::format_to(std::back_inserter(out_), " @{}:{}", quoted(location.file), location.line);
    if (!location.scope.empty()) out_ += " " + quoted(location.scope);
  }

  void print_return(const Function& function) {
    out_ += indent_ + "  return";
    std::string_view separator = " ";
    for (size_t i = 0; i < function.outputs.size(); ++i) {
      const auto& [output, result] = function.outputs[i];
      const bool named = !output.empty() && output != fmt::format("output{}", i);
      fmt::format_to(std::back_inserter(out_), "{}{}{}{}", separator, named ? output : "", named ? "=" : "",
                     value(result));
      separator = ", ";
    }
    out_ += "\n";
  }

  const PrintOptions& options_;
  std::string& out_;
  std::string indent_;
  ValueMap<std::string> names_;
};

}  // namespace

std::string print(const Function& function, const PrintOptions& options) {
  std::string out = "func @" + function.name();
  FunctionPrinter(options, out, 0).print(function);
  return out + "\n";
}

std::string print(const Module& module, const PrintOptions& options) {
  std::string out;
  for (const State& state : module.states) {
    fmt::format_to(std::back_inserter(out), "state @{}: {}\n", state.name, to_string(state.type));
  }
  for (const auto& function : module.functions) {
    if (!out.empty()) out += "\n";
    out += print(*function, options);
  }
  return out;
}

}  // namespace sinter::graph
