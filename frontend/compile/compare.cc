#include "frontend/compile/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "backends/reference/interpreter.h"
#include "frontend/compile/driver.h"
#include "ir/graph/widen.h"
#include "passes/differentiate/differentiate.h"
#include "runtime/error.h"

namespace sinter {
namespace {

using runtime::DType;
using runtime::HostTensor;
using Tensors = std::vector<HostTensor>;

constexpr uint64_t kSeed = 5;
constexpr uint32_t kStep = 3;
constexpr double kUlp32 = 0x1p-23, kUlp64 = 0x1p-52;
constexpr double kFunctionUlp64 = 64;  // of f64, where there is nothing wider to measure the reference by

double element(const HostTensor& tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DType::f32:
      return tensor.data<float>()[i];
    case DType::f64:
      return tensor.data<double>()[i];
    case DType::i32:
      return tensor.data<int32_t>()[i];
    case DType::i64:
      return static_cast<double>(tensor.data<int64_t>()[i]);
    default:
      return tensor.data<bool>()[i] ? 1 : 0;
  }
}

bool is_floating(const HostTensor& tensor) {
  return tensor.dtype() == DType::f32 || tensor.dtype() == DType::f64;
}

double largest(const Tensors& tensors) {
  double most = 0;
  for (const HostTensor& tensor : tensors) {
    if (!is_floating(tensor)) continue;
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const double magnitude = std::fabs(element(tensor, i));
      if (std::isfinite(magnitude)) most = std::max(most, magnitude);
    }
  }
  return most;
}

// Terms of the longest sum.
double longest_sum(const graph::Function& function) {
  double most = 1;
  for (const auto& op : function.ops()) {
    if (op->body) most = std::max(most, longest_sum(*op->body));
    if (op->operands.empty() || op->results.empty()) continue;
    const auto results = static_cast<double>(std::max<int64_t>(op->results[0].elements(), 1));
    double terms = 1;
    if (op->code == graph::OpCode::contract) {
      // Every letter stands in two of the three.
      terms = std::sqrt(static_cast<double>(op->operands[0].type().elements()) *
                        static_cast<double>(op->operands[1].type().elements()) / results);
    } else if (op->kind() != graph::OpKind::view && op->kind() != graph::OpKind::source) {
      for (graph::Value operand : op->operands)
        terms = std::max(terms, static_cast<double>(operand.type().elements()) / results);
    }
    if (op->code == graph::OpCode::cumsum) terms = results;
    most = std::max(most, terms);
  }
  return most;
}

bool has_f32(const graph::Function& function) {
  return std::any_of(function.ops().begin(), function.ops().end(), [](const auto& op) {
    return (op->body && has_f32(*op->body)) ||
           std::any_of(op->results.begin(), op->results.end(),
                       [](const auto& type) { return type.dtype == graph::DType::f32; });
  });
}

HostTensor widened(const HostTensor& tensor) {
  if (tensor.dtype() != DType::f32) return tensor;
  HostTensor wide(DType::f64, tensor.shape());
  for (int64_t i = 0; i < tensor.size(); ++i) wide.data<double>()[i] = tensor.data<float>()[i];
  return wide;
}

// Below which every index lies.
int64_t index_bound(const graph::Function& function) {
  int64_t bound = 8;
  for (const auto& op : function.ops()) {
    if (op->body) bound = std::min(bound, index_bound(*op->body));
    if (op->code == graph::OpCode::check_index) bound = std::min(bound, op->attributes.integer("bound"));
    if (op->code == graph::OpCode::cross_entropy) bound = std::min(bound, op->operands[0].shape().back());
    if (op->code == graph::OpCode::gather || op->code == graph::OpCode::scatter_add) {
      const auto axis = static_cast<size_t>(op->attributes.integer("axis"));
      bound = std::min(bound, op->operands[0].shape()[axis]);
    }
  }
  return std::max<int64_t>(bound, 1);
}

bool has_sorted_indices(const graph::Function& function) {
  return std::ranges::any_of(function.ops(), [](const auto& op) {
    return (op->body && has_sorted_indices(*op->body)) ||
           (op->code == graph::OpCode::scatter_add && op->attributes.flag("sorted"));
  });
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

// What the reference gives, outputs and then state, as written and in f64, or the failure of a check.
struct Expected {
  Tensors narrow, wide;
  std::string failure;
};

Expected expected(const graph::Module& module, const graph::Function& function, const Tensors& inputs) {
  const auto evaluate = [](const graph::Module& of, std::string_view name, const Tensors& given) {
    runtime::HostState state(backends::to_specs(of.states));
    Tensors results = reference::evaluate(of, *of.find_function(name), given, {&state, kSeed, kStep});
    for (const auto& spec : state.specs()) results.push_back(state.get(spec.name));
    return results;
  };
  Expected result;
  try {
    result.narrow = evaluate(module, function.name(), inputs);
    Tensors wide_inputs;
    for (const HostTensor& input : inputs) wide_inputs.push_back(widened(input));
    result.wide = evaluate(graph::widen(module), function.name(), wide_inputs);
  } catch (const RuntimeError& error) {
    result.failure = error.what();
  }
  return result;
}

std::string position(const runtime::Shape& shape, int64_t at) {
  std::string text;
  for (size_t axis = shape.size(); axis-- > 0; at /= shape[axis]) {
    text = fmt::format("{}{}{}", at % shape[axis], text.empty() ? "" : ",", text);
  }
  return "[" + text + "]";
}

// The element that is farthest beyond what is allowed.
struct Worst {
  int64_t at = -1;
  double excess = 0, got = 0, want = 0;
};

Worst worst_of(const HostTensor& got, const HostTensor& narrow, const HostTensor& wide, double allowed) {
  Worst worst;
  for (int64_t i = 0; i < got.size(); ++i) {
    const double g = element(got, i), n = element(narrow, i), w = element(wide, i);
    double excess = std::fabs(g - w) - allowed;
    if (!std::isfinite(n) || !std::isfinite(w)) {
      const bool both = (std::isnan(n) && std::isnan(w)) || n == w;  // else f32 has overflowed
      const bool same = (std::isnan(g) && std::isnan(w)) || g == w;
      excess = both && !same ? INFINITY : 0;
    } else if (std::isnan(g)) {
      excess = INFINITY;
    }
    if (excess > worst.excess) worst = {i, excess, g, w};
  }
  return worst;
}

std::string compare(const graph::Function& function, const Tensors& inputs, const Expected& expected,
                    const Tensors& got) {
  const double scale = std::max(largest(expected.wide), largest(inputs)) * std::sqrt(longest_sum(function));
  for (size_t i = 0; i < got.size(); ++i) {
    const HostTensor &narrow = expected.narrow[i], &wide = expected.wide[i];
    double allowed = 0;
    if (is_floating(narrow) && !has_f32(function)) allowed = kFunctionUlp64 * kUlp64 * scale;
    if (is_floating(narrow) && has_f32(function)) {
      double distance = 0;
      for (int64_t j = 0; j < narrow.size(); ++j) {
        const double d = std::fabs(element(narrow, j) - element(wide, j));
        if (std::isfinite(d)) distance = std::max(distance, d);
      }
      allowed = 4 * distance + 2 * kUlp32 * scale;
    }
    const Worst worst = worst_of(got[i], narrow, wide, allowed);
    if (worst.at < 0) continue;
    const size_t outputs = function.outputs.size();
    return fmt::format("{} {} {} is {:.9g}, expected {:.9g}{}", i < outputs ? "output" : "state",
                       i < outputs ? i : i - outputs, position(narrow.shape(), worst.at), worst.got,
                       worst.want, allowed > 0 ? fmt::format(" within {:.2g}", allowed) : "");
  }
  return "";
}

}  // namespace

std::string difference_from_reference(const graph::Module& module, const graph::Function& function,
                                      const backends::Device& device, const runtime::Executable& executable,
                                      const std::vector<HostTensor>& inputs) {
  const Expected want = expected(module, function, inputs);
  Tensors got;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const HostTensor& input : inputs) in.push_back(input.raw());
  for (const auto& spec : executable.outputs()) out.push_back(got.emplace_back(spec.dtype, spec.shape).raw());
  try {
    const auto context = executable.make_context();
    const auto state = device.make_state(module.states);
    executable.run(*context, *state, {in, out, kSeed, kStep});
    for (const graph::State& each : module.states) got.push_back(state->get(each.name));
  } catch (const RuntimeError& error) {
    return want.failure.empty() ? fmt::format("it fails: {}", error.what()) : "";
  }
  if (!want.failure.empty()) return fmt::format("it does not find: {}", want.failure);
  return compare(function, inputs, want, got);
}

std::string difference_on_random_inputs(const graph::Module& module, const graph::Function& function,
                                        const backends::Device& device,
                                        const runtime::Executable& executable) {
  std::mt19937 random(1);
  for (const double low : kLow) {
    Tensors inputs;
    for (const graph::Op* parameter : function.parameters()) {
      HostTensor& input =
          inputs.emplace_back(drawn(parameter->results[0], low, index_bound(function), random));
      const bool is_i32 = input.dtype() == DType::i32, is_i64 = input.dtype() == DType::i64;
      if (!has_sorted_indices(function)) continue;
      if (is_i32) std::sort(input.data<int32_t>(), input.data<int32_t>() + input.size());
      if (is_i64) std::sort(input.data<int64_t>(), input.data<int64_t>() + input.size());
    }
    std::string difference = difference_from_reference(module, function, device, executable, inputs);
    if (!difference.empty()) return difference;
  }
  return "";
}

std::string difference_from_reference(const graph::Module& module, std::string_view function,
                                      const backends::Device& device, const std::vector<HostTensor>& inputs,
                                      const passes::Options& options) {
  const graph::Module expanded = passes::differentiated(module);
  const auto executable = compile_function(module, function, device, options);
  return difference_from_reference(expanded, *expanded.find_function(function), device, *executable, inputs);
}

}  // namespace sinter
