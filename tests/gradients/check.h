#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ir/graph/builder.h"
#include "runtime/tensor.h"

// Gradients against finite differences, on the reference interpreter in f64.
namespace sinter::test {

// An operand: f64 values drawn evenly from [low, high], or integers and bools as listed.
struct Sample {
  graph::TensorType type;
  double low = -2, high = 2;
  std::vector<int64_t> values = {};
};

// One op with operands and attributes.
struct Case {
  graph::OpCode op;
  std::vector<Sample> operands;
  graph::Attributes attributes = {};
  int orders = 2;  // how often the result is differentiated: 2 checks the gradient's gradient too
};

std::string to_string(const Case& c);

// A module whose function "f" is what is differentiated, and where.
struct Point {
  graph::Module module;
  std::vector<runtime::HostTensor> inputs;
};

Point make_point(const Case& c);
// `build` returns the outputs; the operands are parameters p0, p1, ...
using Build = std::function<std::vector<graph::Value>(graph::Builder&, const std::vector<graph::Value>&)>;
Point make_point(const std::vector<Sample>& operands, const Build& build);

const graph::Function& function(const Point& point);
std::vector<runtime::HostTensor> evaluate(const Point& point);

// The point's gradient as a point: its function takes a cotangent for each floating output too, and returns
// the gradient of each floating parameter. Verified.
Point gradient(const Point& point);

// Compares, for each floating input, the derivative along a random direction, seen through random cotangents,
// with its central difference; up to the given order.
void check_gradient(const Point& point, int orders = 2);

}  // namespace sinter::test
