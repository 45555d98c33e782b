#include "frontend/compile/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "frontend/compile/compare.h"
#include "ir/graph/text.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"

namespace sinter {
namespace {

using runtime::DType;
using runtime::HostTensor;

constexpr const char* kName = "kernel";

// A kernel alone in a module, its operands parameters; tables of constants stay what they are.
graph::Module alone(const graph::Op& kernel) {
  graph::Module module;
  graph::Function& function = module.add_function(kName);
  graph::ValueMap<graph::Value> map;
  std::vector<const graph::Op*> constants;
  for (graph::Value operand : kernel.operands) {
    if (map.contains(operand)) continue;
    if (operand.op->code == graph::OpCode::constant) {
      constants.push_back(operand.op);
      continue;
    }
    auto parameter = std::make_unique<graph::Op>();
    parameter->code = graph::OpCode::parameter;
    parameter->results = {operand.type()};
    parameter->attributes.set("name", fmt::format("p{}", map.size()));
    map[operand] = function.append(std::move(parameter)).result();
  }
  for (const graph::Op* constant : constants) {
    if (!map.contains({const_cast<graph::Op*>(constant), 0})) graph::clone_op(*constant, function, map);
  }
  graph::Op& op = graph::clone_op(kernel, function, map);
  for (size_t i = 0; i < op.results.size(); ++i)
    function.outputs.push_back({fmt::format("output{}", i), op.result(static_cast<int>(i))});
  return module;
}

// Below which every index of the kernel lies.
int64_t index_bound(const graph::Function& function) {
  int64_t bound = 8;
  for (const auto& op : function.ops()) {
    if (op->body) bound = std::min(bound, index_bound(*op->body));
    if (op->code == graph::OpCode::check_index) bound = std::min(bound, op->attributes.integer("bound"));
    if (op->code == graph::OpCode::gather || op->code == graph::OpCode::scatter_add) {
      const auto axis = static_cast<size_t>(op->attributes.integer("axis"));
      bound = std::min(bound, op->operands[0].shape()[axis]);
    }
  }
  return std::max<int64_t>(bound, 1);
}

// Floats of [low, 2), integers of [0, bound).
HostTensor drawn(const graph::TensorType& type, double low, int64_t bound, std::mt19937& random) {
  HostTensor tensor(static_cast<DType>(type.dtype), type.shape);
  const auto number = [&] { return low + (2 - low) * 0x1p-32 * static_cast<double>(random()); };
  const auto integer = [&] { return static_cast<int64_t>(random()) % bound; };
  for (int64_t i = 0; i < tensor.size(); ++i) {
    switch (tensor.dtype()) {
      case DType::f32:
        tensor.data<float>()[i] = static_cast<float>(number());
        break;
      case DType::f64:
        tensor.data<double>()[i] = number();
        break;
      case DType::i32:
        tensor.data<int32_t>()[i] = static_cast<int32_t>(integer());
        break;
      case DType::i64:
        tensor.data<int64_t>()[i] = integer();
        break;
      default:
        tensor.data<bool>()[i] = random() % 2 == 0;
    }
  }
  return tensor;
}

// Numbers of both signs, and such that roots, logarithms and powers have a value.
constexpr double kLow[] = {-2, 0.25};

std::string check_kernel(const graph::Module& module, const backends::Device& device) {
  const graph::Function& function = *module.find_function(kName);
  std::string name, notes;
  const auto lower = [&](const loop::Target& target) {
    loop::Program program = passes::to_loops(module, kName, target);
    name = program.kernels.at(0).name;
    for (const std::string& note : program.kernels[0].notes) notes += "\n  in it: " + note;
    return program;
  };
  const auto executable = device.compile({module, function, lower});
  std::mt19937 random(1);
  for (const double low : kLow) {
    std::vector<HostTensor> inputs;
    for (const graph::Op* parameter : function.parameters()) {
      inputs.push_back(drawn(parameter->results[0], low, index_bound(function), random));
    }
    const std::string difference = difference_from_reference(module, function, device, *executable, inputs);
    if (!difference.empty()) {
      return fmt::format("kernel '{}' disagrees with the reference:\n  {}{}", name, difference, notes);
    }
  }
  return "";
}

}  // namespace

CheckResult check_function(const graph::Module& module, std::string_view function,
                           const backends::Device& device, const passes::Options& options) {
  graph::Module expanded = graph::clone(module);
  passes::differentiate(expanded, {});
  graph::Module kernels;
  const auto lower = [&](const loop::Target& target) {
    kernels = passes::to_kernels(module, function, target, options);
    return passes::to_loops(kernels, function, target);
  };
  device.compile({expanded, *expanded.find_function(function), lower});
  CheckResult result;
  std::set<std::string> seen;
  for (const auto& part : kernels.functions) {
    for (const auto& op : part->ops()) {
      if (op->code != graph::OpCode::kernel) continue;
      const graph::Module kernel = alone(*op);
      if (!seen.insert(graph::print(kernel, {.locations = false})).second) continue;
      result.disagreement = check_kernel(kernel, device);
      if (!result.disagreement.empty()) return result;
      ++result.kernels;
    }
  }
  return result;
}

}  // namespace sinter
