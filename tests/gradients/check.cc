#include "tests/gradients/check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "backends/reference/interpreter.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/differentiate/differentiate.h"

namespace sinter::test {
namespace {

using graph::Builder;
using graph::Function;
using graph::Module;
using graph::Value;
using runtime::HostTensor;

// The error of a central difference is h^2/6 times the third derivative, 1e-12 of it, plus rounding of
// 1e-16/h, 1e-10 of the values. kTolerance leaves room for derivatives of up to a thousand times the
// function's size, and is far below what a wrong rule gives.
constexpr double kStep = 1e-6;
constexpr double kTolerance = 1e-7;

Function& function(Module& module) {
  return *module.find_function("f");
}

HostTensor random_tensor(const Sample& sample, std::mt19937& generator) {
  const runtime::DType dtype = *runtime::dtype_from_name(name(sample.type.dtype));
  HostTensor tensor(dtype, sample.type.shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const auto listed = [&] { return sample.values.at(static_cast<size_t>(i)); };
    switch (dtype) {
      case runtime::DType::f64: {
        const double unit = std::generate_canonical<double, 53>(generator);
        tensor.data<double>()[i] = sample.low + unit * (sample.high - sample.low);
        break;
      }
      case runtime::DType::i32:
        tensor.data<int32_t>()[i] = static_cast<int32_t>(listed());
        break;
      case runtime::DType::i64:
        tensor.data<int64_t>()[i] = listed();
        break;
      case runtime::DType::boolean:
        tensor.data<bool>()[i] = listed() != 0;
        break;
      default:
        ADD_FAILURE() << "no samples of " << to_string(sample.type);
    }
  }
  return tensor;
}

bool is_real(const HostTensor& tensor) {
  return tensor.dtype() == runtime::DType::f64;
}

HostTensor random_like(const HostTensor& tensor, std::mt19937& generator) {
  return random_tensor({{graph::DType::f64, tensor.shape()}, -1, 1}, generator);
}

double dot(const HostTensor& a, const HostTensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.size(); ++i) sum += a.data<double>()[i] * b.data<double>()[i];
  return sum;
}

HostTensor moved(const HostTensor& x, const HostTensor& direction, double by) {
  HostTensor result = x.clone();
  for (int64_t i = 0; i < x.size(); ++i) result.data<double>()[i] += by * direction.data<double>()[i];
  return result;
}

// The sum of outputs times cotangents.
double projected(const Point& point, const std::vector<HostTensor>& cotangents) {
  const std::vector<HostTensor> outputs = evaluate(point);
  double sum = 0;
  size_t next = 0;
  for (const HostTensor& output : outputs) {
    if (is_real(output)) sum += dot(output, cotangents[next++]);
  }
  return sum;
}

}  // namespace

std::string to_string(const Case& c) {
  std::string text = std::string(name(c.op));
  for (const Sample& operand : c.operands) text += " " + to_string(operand.type);
  return text;
}

Point make_point(const std::vector<Sample>& operands, const Build& build) {
  std::mt19937 generator(20240229);
  Point point;
  Builder builder(point.module, point.module.add_function("f"));
  std::vector<Value> parameters;
  for (const Sample& operand : operands) {
    parameters.push_back(builder.parameter(fmt::format("p{}", parameters.size()), operand.type));
    point.inputs.push_back(random_tensor(operand, generator));
  }
  for (Value output : build(builder, parameters)) {
    builder.output(fmt::format("y{}", builder.function().outputs.size()), output);
  }
  return point;
}

Point make_point(const Case& c) {
  return make_point(c.operands, [&](Builder& builder, const std::vector<Value>& parameters) {
    graph::Op& op = builder.emit(c.op, parameters, c.attributes);
    std::vector<Value> results;
    for (size_t i = 0; i < op.results.size(); ++i) results.push_back(op.result(static_cast<int>(i)));
    return results;
  });
}

const Function& function(const Point& point) {
  return *point.module.find_function("f");
}

std::vector<HostTensor> evaluate(const Point& point) {
  return reference::evaluate(point.module, function(point), point.inputs);
}

Point gradient(const Point& point) {
  std::mt19937 generator(7);
  Point result{clone(point.module), point.inputs};
  Function& f = function(result.module);
  Builder builder(result.module, f);

  std::vector<Value> wrt, outputs, cotangents;
  for (graph::Op* parameter : f.parameters()) {
    if (is_floating(parameter->results[0].dtype)) wrt.push_back(parameter->result());
  }
  const std::vector<HostTensor> values = evaluate(point);
  const auto body = static_cast<int64_t>(f.parameters().size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!is_real(values[i])) continue;
    outputs.push_back(f.outputs[i].value);
    const std::string name = fmt::format("c{}", f.parameters().size());
    cotangents.push_back(builder.parameter(name, outputs.back().type()));
    const int64_t place = body + static_cast<int64_t>(cotangents.size()) - 1;
    std::rotate(f.ops().begin() + place, f.ops().end() - 1, f.ops().end());
    result.inputs.push_back(random_like(values[i], generator));
  }
  const std::vector<Value> gradients = passes::backward(builder, outputs, cotangents, wrt);
  f.outputs.clear();
  for (Value value : gradients) builder.output(fmt::format("d{}", f.outputs.size()), value);
  verify(result.module);
  return result;
}

void check_gradient(const Point& point, int orders) {
  if (orders == 0) return;
  const Point derivative = gradient(point);
  const std::vector<HostTensor> gradients = evaluate(derivative);
  const std::vector<HostTensor> cotangents(
      derivative.inputs.begin() + static_cast<int64_t>(point.inputs.size()), derivative.inputs.end());
  std::mt19937 generator(11);
  size_t next = 0;
  for (size_t i = 0; i < point.inputs.size(); ++i) {
    if (!is_real(point.inputs[i])) continue;
    const HostTensor direction = random_like(point.inputs[i], generator);
    Point above{clone(point.module), point.inputs}, below{clone(point.module), point.inputs};
    above.inputs[i] = moved(point.inputs[i], direction, kStep);
    below.inputs[i] = moved(point.inputs[i], direction, -kStep);
    const double plus = projected(above, cotangents), minus = projected(below, cotangents);
    const double expected = (plus - minus) / (2 * kStep);
    const double got = dot(gradients[next++], direction);
    const double size = std::max({1.0, std::abs(expected), std::abs(plus)});
    EXPECT_NEAR(got, expected, kTolerance * size) << "input " << i << ", " << orders << " orders left, of\n"
                                                  << print(derivative.module, {.locations = false});
    if (::testing::Test::HasFailure()) return;
  }
  check_gradient(derivative, orders - 1);
}

}  // namespace sinter::test
