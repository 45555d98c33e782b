#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "backends/backend.h"
#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/error.h"
#include "ir/graph/builder.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "ir/graph/widen.h"
#include "passes/differentiate/differentiate.h"
#include "passes/differentiate/vjp.h"
#include "tools/command_line.h"

// Runs every op of a graph by itself, forward and its gradient, on every device, against the reference, and
// prints which element types agree where. What a device refuses is told below.
namespace sinter::tools {
namespace {

using graph::Op;
using graph::OpCode;
using graph::Value;

constexpr const char* kName = "one op";

// A module whose function kName is one op on parameters; for `grad`, what leads to it as well.
class Case {
 public:
  Case(const graph::Module& module, const Op& op) : module_(graph::clone(module)) {
    graph::Function& function = module_.add_function(kName);
    for (Value operand : op.operands) import(operand, function, op.code == OpCode::grad);
    Op& copy = op.code == OpCode::parameter ? *import(const_cast<Op&>(op).result(), function, false).op
                                            : graph::clone_op(op, function, map_);
    for (size_t i = 0; i < copy.results.size(); ++i) {
      const Value result = copy.result(static_cast<int>(i));
      if (!graph::is_order_of_ranks(result)) function.outputs.push_back({fmt::format("y{}", i), result});
    }
  }

  graph::Module take() { return std::move(module_); }

 private:
  Value import(Value value, graph::Function& function, bool with_its_past) {
    if (const auto known = map_.find(value); known != map_.end()) return known->second;
    if (with_its_past && value.op->code != OpCode::parameter) {
      for (Value operand : value.op->operands) import(operand, function, true);
      graph::clone_op(*value.op, function, map_);
      return map_.at(value);
    }
    auto parameter = std::make_unique<Op>();
    parameter->code = OpCode::parameter;
    parameter->results = {value.type()};
    parameter->attributes.set("name", fmt::format("x{}", map_.size()));
    const Value made = function.append(std::move(parameter)).result();
    const auto place = static_cast<int64_t>(function.parameters().size()) - 1;
    std::rotate(function.ops().begin() + place, function.ops().end() - 1, function.ops().end());
    return map_[value] = made;
  }

  graph::Module module_;
  graph::ValueMap<Value> map_;
};

// Makes the function return the gradients of its floating parameters, for cotangents that are parameters too.
// False where there is nothing to differentiate.
bool differentiate(graph::Module& module) {
  graph::Function& function = *module.find_function(kName);
  graph::Builder builder(module, function);
  std::vector<Value> wrt, outputs, cotangents;
  for (Op* parameter : function.parameters()) {
    if (graph::is_floating(parameter->results[0].dtype)) wrt.push_back(parameter->result());
  }
  auto place = static_cast<int64_t>(function.parameters().size());
  for (const graph::Output& output : function.outputs) {
    if (!graph::is_floating(output.value.dtype())) continue;
    outputs.push_back(output.value);
    cotangents.push_back(builder.parameter(fmt::format("c{}", place), output.value.type()));
    std::rotate(function.ops().begin() + place++, function.ops().end() - 1, function.ops().end());
  }
  if (wrt.empty() || outputs.empty()) return false;
  const std::vector<Value> gradients = passes::backward(builder, outputs, cotangents, wrt);
  function.outputs.clear();
  for (Value value : gradients) builder.output(fmt::format("d{}", function.outputs.size()), value);
  return true;
}

// What it computes in.
std::string type_of(const Op& op) {
  const bool by_result =
      op.operands.empty() || (!op.results.empty() && graph::is_floating(op.results[0].dtype));
  return std::string(graph::name(by_result ? op.results[0].dtype : op.operands[0].dtype()));
}

// What is the same for many ops, told once.
class Notes {
 public:
  std::string mark(const std::string& text) {
    const auto known = std::find(texts_.begin(), texts_.end(), text);
    const auto index = known - texts_.begin();
    if (known == texts_.end()) texts_.push_back(text);
    return fmt::format("[{}]", index + 1);
  }
  void print() const {
    for (size_t i = 0; i < texts_.size(); ++i) fmt::print("[{}] {}\n", i + 1, texts_[i]);
  }

 private:
  std::vector<std::string> texts_;
};

// The cell of an op and a device: types that agree, marks of notes.
using Cell = std::vector<std::string>;

void add(Cell& cell, const std::string& text) {
  if (std::find(cell.begin(), cell.end(), text) == cell.end()) cell.push_back(text);
}

class Matrix {
 public:
  explicit Matrix(std::vector<std::string> devices) : names_(std::move(devices)) {
    for (const std::string& name : names_) devices_.push_back(backends::open_device(name));
  }

  void run(const graph::Module& module, const Op& op) {
    const graph::Module narrow = Case(module, op).take();
    const graph::Module wide = graph::widen(narrow);
    run_as(narrow, op.code);
    if (graph::print(narrow) != graph::print(wide)) run_as(wide, op.code);
  }

  // Whether no device was wrong.
  bool print() const {
    fmt::print("{:16}", "");
    for (const std::string& name : names_) fmt::print(" {:20} {:20}", name + " forward", "its gradient");
    fmt::print("\n");
    for (const OpCode code : graph::all_opcodes()) {
      const auto row = rows_.find(code);
      if (row == rows_.end()) continue;
      std::string line = fmt::format("{:16}", graph::name(code));
      for (const Cell& cell : row->second)
        line += fmt::format(" {:20}", fmt::format("{}", fmt::join(cell, " ")));
      fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
    }
    notes_.print();
    return !wrong_;
  }

 private:
  void run_as(const graph::Module& module, OpCode code) {
    std::vector<Cell>& row = rows_[code];
    row.resize(2 * names_.size());
    const std::string type = type_of(*module.find_function(kName)->ops().back());
    graph::Module gradient = graph::clone(module);
    std::string obstacle;
    try {
      passes::differentiate(gradient, {});  // a grad is differentiated once more
      const bool is_zero = passes::vjp_rule(code).kind == passes::VjpRule::Kind::zero;
      if (!differentiate(gradient) || is_zero) obstacle = "its gradient is zero by definition";
    } catch (const GraphError& error) {
      obstacle = error.what();
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      add(row[2 * i], result(module, *devices_[i], type));
      add(row[2 * i + 1], obstacle.empty() ? result(gradient, *devices_[i], type) : notes_.mark(obstacle));
    }
  }

  std::string result(const graph::Module& module, const backends::Device& device, const std::string& type) {
    try {
      graph::Module expanded = graph::clone(module);
      passes::differentiate(expanded, {});
      const auto executable = compile_function(module, kName, device);
      const std::string difference =
          difference_on_random_inputs(expanded, *expanded.find_function(kName), device, *executable);
      if (difference.empty()) return type;
      wrong_ = true;
      return "WRONG" + notes_.mark(difference);
    } catch (const GraphError& error) {
      const std::string message = error.what();
      return notes_.mark(message.substr(0, message.find(", in ")));  // kernels differ, reasons do not
    }
  }

  std::vector<std::string> names_;
  std::vector<std::unique_ptr<backends::Device>> devices_;
  std::map<OpCode, std::vector<Cell>> rows_;
  Notes notes_;
  bool wrong_ = false;
};

void print_matrix(const std::string& file, const std::vector<std::string>& devices) {
  const graph::Module module = graph::parse(read_text(file), display_name(file));
  Matrix matrix(devices);
  std::set<std::string> seen;
  for (const auto& function : module.functions) {
    for (const auto& op : function->ops()) {
      if (!seen.insert(graph::print(*Case(module, *op).take().functions.back(), {.locations = false})).second)
        continue;
      matrix.run(module, *op);
    }
  }
  if (!matrix.print()) throw RuntimeError("a device disagrees with the reference");
}

}  // namespace
}  // namespace sinter::tools

int main(int argc, char** argv) {
  std::string file;
  std::vector<std::string> devices = {"cpu", "vulkan"};
  CLI::App app("Runs every op of a graph on every device, forward and backward, against the reference.",
               "op-matrix");
  app.add_option("FILE", file, "the graph: tests/ir/every_op.sg has every op")->required();
  app.add_option("--device", devices, "the devices");
  return sinter::tools::run_tool(app, argc, argv, [&] { sinter::tools::print_matrix(file, devices); });
}
