#include <gtest/gtest.h>

#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "ir/graph/text/text.h"
#include "tests/gradients/rows.h"
#include "tests/support/narrow.h"

namespace sinter::test {
namespace {

using graph::Builder;
using graph::DType;
using graph::Function;
using graph::Module;
using graph::TensorType;
using graph::Value;

// One step of a recurrent layer with a second carry: h' = tanh(h w + x + b), s' = s * h' + x; returns h' * s.
std::vector<Value> cell(Builder& b, Value h, Value s, Value x, Value w, Value bias) {
  const Value next = b.tanh(b.add(b.add(b.contract(h, w, "bi,ij->bj"), x), bias));
  return {next, b.add(b.mul(s, next), x), b.mul(next, s)};
}

constexpr int64_t kSteps = 4;
const std::vector<Sample> kScanOperands{real({2, 3}), real({2, 3}), real({kSteps, 2, 3}), real({3, 3}),
                                        real({3})};

Function& cell_function(Module& module) {
  Function& body = module.add_function("cell");
  Builder b(module, body);
  std::vector<Value> p;
  for (const char* name : {"h", "s", "x", "w", "b"}) {
    graph::Shape shape = kScanOperands[p.size()].type.shape;
    if (p.size() == 2) shape.erase(shape.begin());
    p.push_back(b.parameter(name, {DType::f64, shape}));
  }
  const char* names[] = {"h", "s", "y"};
  for (Value value : cell(b, p[0], p[1], p[2], p[3], p[4])) b.output(names[body.outputs.size()], value);
  return body;
}

Point scanned(bool reverse) {
  return make_point(kScanOperands, [&](Builder& b, const std::vector<Value>& p) {
    return b.scan(cell_function(b.module()), p, 2, 2, kSteps, reverse);
  });
}

Point unrolled(bool reverse) {
  return make_point(kScanOperands, [&](Builder& b, const std::vector<Value>& p) {
    Value h = p[0], s = p[1];
    std::vector<Value> ys(kSteps);
    for (int64_t i = 0; i < kSteps; ++i) {
      const int64_t t = reverse ? kSteps - 1 - i : i;
      const Value x = b.reshape(b.slice_axis(p[2], 0, t, t + 1), {2, 3});
      const auto results = cell(b, h, s, x, p[3], p[4]);
      h = results[0];
      s = results[1];
      ys[static_cast<size_t>(t)] = b.expand_dims(results[2], {0});
    }
    return std::vector<Value>{h, s, b.concat(ys, 0)};
  });
}

void expect_near(const std::vector<runtime::HostTensor>& got, const std::vector<runtime::HostTensor>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].shape(), want[i].shape());
    for (int64_t n = 0; n < got[i].size(); ++n) {
      EXPECT_NEAR(got[i].data<double>()[n], want[i].data<double>()[n], 1e-11) << i << "," << n;
    }
  }
}

TEST(ScanGradient, IsThatOfFiniteDifferences) {
  for (bool reverse : {false, true}) check_gradient(scanned(reverse), 3);
}

TEST(ScanGradient, IsTheSameOnDevices) {
  for (const char* name : {"cpu", "vulkan"}) {
    const auto device = backends::open_device(name, 2);
    for (const bool reverse : {false, true}) {
      const Point point = gradient(scanned(reverse));
      EXPECT_EQ(difference_from_reference(narrowed(point.module), function(point).name(), *device,
                                          narrowed(point.inputs)),
                "");
    }
  }
}

TEST(ScanGradient, IsThatOfTheUnrolledGraph) {
  for (bool reverse : {false, true}) {
    Point scan = scanned(reverse), steps = unrolled(reverse);
    expect_near(evaluate(scan), evaluate(steps));
    for (int order = 1; order <= 2; ++order) {
      scan = gradient(scan);
      steps = gradient(steps);
      expect_near(evaluate(scan), evaluate(steps));
    }
  }
}

// A carry that no gradient flows through stays out of the backward scan; one that the gradient does not
// depend on is not stacked.
TEST(ScanGradient, KeepsOnlyWhatItNeeds) {
  const Point point = make_point({real({3}), real({5, 3})}, [](Builder& b, const std::vector<Value>& p) {
    Function& body = b.module().add_function("sum");
    Builder step(b.module(), body);
    const Value count = step.parameter("count", {DType::i32, {}});
    const Value total = step.parameter("total", {DType::f64, {3}});
    const Value x = step.parameter("x", {DType::f64, {3}});
    step.output("count", step.add(count, step.constant_int(1, DType::i32)));
    step.output("total", step.add(total, step.sin(x)));
    return std::vector{b.scan(body, {b.constant_int(0, DType::i32), p[0], p[1]}, 2, 0, 5)[1]};
  });
  const Point derivative = gradient(point);
  EXPECT_EQ(derivative.module.find_function("sum.carried"), nullptr);
  const Function& backward = *derivative.module.find_function("sum.vjp");
  std::vector<std::string> names;
  for (const graph::Op* parameter : backward.parameters())
    names.push_back(Function::parameter_name(*parameter));
  EXPECT_EQ(names, (std::vector<std::string>{"d_total", "x"}));
  check_gradient(point);
}

TEST(ScanGradient, OfAScanOfNoStepsPassesTheCarry) {
  const Point point = make_point({real({2}), real({0, 2})}, [](Builder& b, const std::vector<Value>& p) {
    Function& body = b.module().add_function("product");
    Builder step(b.module(), body);
    const Value carry = step.parameter("carry", {DType::f64, {2}}),
                x = step.parameter("x", {DType::f64, {2}});
    step.output("carry", step.mul(carry, x));
    return b.scan(body, p, 1, 0, 0);
  });
  check_gradient(point);
}

// A gradient inside of a step, a call inside of a step, and a scan inside of a step.
TEST(ScanGradient, WorksOnNestedBodies) {
  const Point point = make_point({real({2}), real({3, 2})}, [](Builder& b, const std::vector<Value>& p) {
    Function& inner = b.module().add_function("inner");
    {
      Builder step(b.module(), inner);
      const Value c = step.parameter("c", {DType::f64, {2}}), k = step.parameter("k", {DType::f64, {2}});
      step.output("c", step.sin(step.mul(c, k)));
    }
    Function& outer = b.module().add_function("outer");
    {
      Builder step(b.module(), outer);
      const Value c = step.parameter("c", {DType::f64, {2}}), x = step.parameter("x", {DType::f64, {2}});
      const Value once = step.call(inner, {c, x})[0];
      step.output("c", step.scan(inner, {once, x}, 1, 1, 3)[0]);
    }
    return b.scan(outer, p, 1, 0, 3);
  });
  check_gradient(point, 2);
}

}  // namespace
}  // namespace sinter::test
