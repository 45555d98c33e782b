#include "tests/simplify/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/reference/interpreter.h"
#include "runtime/executable.h"

namespace sinter::test {

using runtime::DType;
using runtime::HostTensor;

namespace {

template <typename T>
T hostile_value(std::mt19937& random) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::floating_point<T>) {
    const T values[] = {0,
                        -T{0},
                        1,
                        -1,
                        2,
                        T{0.5},
                        -T{3.25},
                        Limits::infinity(),
                        T{1.5},
                        Limits::max(),
                        Limits::quiet_NaN(),
                        -Limits::infinity(),
                        7,
                        Limits::lowest(),
                        Limits::min(),
                        Limits::denorm_min()};
    return values[random() % std::size(values)];
  } else {
    const T values[] = {0, 1, -1, 2, -2, 3, 7, Limits::max(), Limits::min(), 100};
    return values[random() % std::size(values)];
  }
}

template <typename T>
T mild_value(std::mt19937& random) {
  if constexpr (std::floating_point<T>) {
    return static_cast<T>(std::uniform_real_distribution<double>(-1, 1)(random));
  } else {
    return static_cast<T>(random() % 4);
  }
}

template <typename T>
void fill(HostTensor& tensor, Values values, std::mt19937& random) {
  T* data = tensor.data<T>();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if constexpr (std::same_as<T, bool>) {
      data[i] = random() % 2 == 0;
    } else {
      data[i] = values == Values::hostile ? hostile_value<T>(random) : mild_value<T>(random);
    }
  }
}

HostTensor random_tensor(const graph::TensorType& type, Values values, std::mt19937& random) {
  HostTensor tensor(static_cast<DType>(type.dtype), type.shape);
  switch (tensor.dtype()) {
    case DType::f32:
      fill<float>(tensor, values, random);
      break;
    case DType::f64:
      fill<double>(tensor, values, random);
      break;
    case DType::i32:
      fill<int32_t>(tensor, values, random);
      break;
    case DType::i64:
      fill<int64_t>(tensor, values, random);
      break;
    case DType::boolean:
      fill<bool>(tensor, values, random);
      break;
    default:
      break;
  }
  return tensor;
}

template <typename T>
bool equal(T x, T y, double tolerance) {
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  if (tolerance == 0) return std::memcmp(&x, &y, sizeof x) == 0;
  return x == y || std::abs(x - y) <= static_cast<T>(tolerance) * std::max({T{1}, std::abs(x), std::abs(y)});
}

template <typename T>
std::string floating_difference(const HostTensor& expected, const HostTensor& got, double tolerance) {
  for (int64_t i = 0; i < expected.size(); ++i) {
    const T x = expected.data<T>()[i], y = got.data<T>()[i];
    if (!equal(x, y, tolerance)) return fmt::format("at {} expected {}, got {}", i, x, y);
  }
  return "";
}

std::string difference(const HostTensor& expected, const HostTensor& got, double tolerance) {
  if (expected.dtype() != got.dtype() || expected.shape() != got.shape()) return "types differ";
  if (expected.dtype() == DType::f32) return floating_difference<float>(expected, got, tolerance);
  if (expected.dtype() == DType::f64) return floating_difference<double>(expected, got, tolerance);
  if (expected.size() == 0) return "";
  return std::memcmp(expected.raw(), got.raw(), expected.bytes()) == 0 ? "" : "elements differ";
}

}  // namespace

std::vector<HostTensor> random_inputs(const graph::Function& function, Values values, std::mt19937& random) {
  std::vector<HostTensor> inputs;
  for (const graph::Op* parameter : function.parameters()) {
    inputs.push_back(random_tensor(parameter->results[0], values, random));
  }
  return inputs;
}

std::string difference(const std::vector<HostTensor>& expected, const std::vector<HostTensor>& got,
                       double tolerance) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string text = difference(expected[i], got[i], tolerance);
    if (!text.empty()) return fmt::format("output {}: {}", i, text);
  }
  return "";
}

std::string difference(const graph::Module& before, const graph::Module& after, Values values,
                       double tolerance, std::mt19937& random) {
  const auto inputs = random_inputs(*before.functions[0], values, random);
  std::vector<runtime::TensorSpec> specs;
  std::vector<HostTensor> initial;
  for (const graph::State& state : before.states) {
    specs.push_back({state.name, static_cast<DType>(state.type.dtype), state.type.shape});
    initial.push_back(random_tensor(state.type, values, random));
  }
  const auto run = [&](const graph::Module& module) {
    runtime::HostState state(specs);
    for (size_t i = 0; i < specs.size(); ++i) state.set(specs[i].name, initial[i]);
    auto results = reference::evaluate(module, *module.functions[0], inputs, {&state, 11, 3});
    for (const auto& spec : specs) results.push_back(state.get(spec.name));
    return results;
  };
  return difference(run(before), run(after), tolerance);
}

int count(const graph::Module& module, graph::OpCode code) {
  return static_cast<int>(
      std::ranges::count_if(module.functions[0]->ops(), [&](const auto& op) { return op->code == code; }));
}

}  // namespace sinter::test
