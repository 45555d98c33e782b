#include "tests/reference/rows.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backends/reference/indexing.h"
#include "backends/reference/interpreter.h"
#include "backends/registry/registry.h"
#include "ir/graph/verify.h"
#include "ir/graph/widen.h"
#include "tests/support/lacks.h"
#include "tests/support/run_on.h"

namespace sinter::reference::test {
namespace {

using graph::DType;

Literal literal(DType type, graph::Shape shape, std::vector<double> values) {
  EXPECT_EQ(graph::element_count(shape), static_cast<int64_t>(values.size()));
  return {{type, std::move(shape)}, std::move(values)};
}

std::vector<double> to_doubles(const HostTensor& tensor) {
  std::vector<double> values;
  with_type(tensor.dtype(), [&]<typename T>() {
    for (T value : tensor.values<T>()) values.push_back(static_cast<double>(value));
  });
  return values;
}

bool close(double got, double want, double tolerance) {
  if (std::isnan(want)) return std::isnan(got);
  if (tolerance == 0 || std::isinf(want)) return got == want && std::signbit(got) == std::signbit(want);
  return std::fabs(got - want) <= tolerance * std::max(1.0, std::fabs(want));
}

void check_row(const Row& row) {
  graph::Module module;
  graph::Function& function = module.add_function("f");
  graph::Builder builder(module, function);
  std::vector<graph::Value> operands;
  std::vector<HostTensor> narrow, wide;
  for (const Literal& operand : row.operands) {
    operands.push_back(builder.parameter(fmt::format("x{}", operands.size()), operand.type));
    narrow.push_back(to_tensor(operand));
    Literal widened = operand;
    if (widened.type.dtype == DType::f32) widened.type.dtype = DType::f64;
    wide.push_back(to_tensor(widened));
  }
  graph::Op& op = builder.emit(row.op, operands, row.attributes);
  for (size_t i = 0; i < op.results.size(); ++i) builder.output("", op.result(static_cast<int>(i)));

  graph::verify(module);
  const auto results = evaluate(module, function, narrow);
  ASSERT_EQ(results.size(), row.results.size());
  for (size_t i = 0; i < results.size(); ++i) expect_equal(results[i], row.results[i], row.tolerance);

  const graph::Module wide_module = graph::widen(module);
  graph::verify(wide_module);
  const auto wide_results = evaluate(wide_module, *wide_module.functions[0], wide);
  for (size_t i = 0; i < results.size(); ++i) {
    Literal expected = row.results[i];
    if (expected.type.dtype == DType::f32) expected.type.dtype = DType::f64;
    expect_equal(wide_results[i], expected, row.tolerance * 1e-8);
  }

  // Compiled code rounds in its own order, and has its own elementary functions.
  static const auto kept_open = backends::open_device("vulkan");
  for (const char* device : {"cpu", "vulkan"}) {
    SCOPED_TRACE(device);
    if (const std::string lacking = sinter::test::lacks(device, module); !lacking.empty())
      GTEST_SKIP() << lacking;
    const auto compiled = sinter::test::run_on(device, module, "f", narrow);
    for (size_t i = 0; i < compiled.size(); ++i) {
      const double rounding = row.tolerance > 0 ? std::max(row.tolerance, 5e-7) : 0;
      expect_equal(compiled[i], row.results[i], rounding);
    }
  }
}

}  // namespace

Literal f32(graph::Shape shape, std::vector<double> values) {
  return literal(DType::f32, std::move(shape), std::move(values));
}
Literal i32(graph::Shape shape, std::vector<double> values) {
  return literal(DType::i32, std::move(shape), std::move(values));
}
Literal i64(graph::Shape shape, std::vector<double> values) {
  return literal(DType::i64, std::move(shape), std::move(values));
}
Literal boolean(graph::Shape shape, std::vector<double> values) {
  return literal(DType::boolean, std::move(shape), std::move(values));
}

HostTensor to_tensor(const Literal& literal) {
  HostTensor tensor(static_cast<runtime::DType>(literal.type.dtype), literal.type.shape);
  with_type(tensor.dtype(), [&]<typename T>() {
    std::transform(literal.values.begin(), literal.values.end(), tensor.data<T>(),
                   [](double value) { return static_cast<T>(value); });
  });
  return tensor;
}

void expect_equal(const HostTensor& got, const Literal& want, double tolerance) {
  ASSERT_EQ(to_string(got.dtype(), got.shape()), graph::to_string(want.type));
  const auto values = to_doubles(got);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(close(values[i], want.values[i], tolerance))
        << "element " << i << " of " << graph::to_string(want.type) << " is " << values[i] << ", expected "
        << want.values[i];
  }
}

void check(const std::vector<Row>& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(fmt::format("row {}: {}", i, graph::name(rows[i].op)));
    check_row(rows[i]);
  }
}

}  // namespace sinter::reference::test
