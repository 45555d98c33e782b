#pragma once

#include <limits>
#include <string>
#include <vector>

#include "ir/graph/builder.h"
#include "runtime/tensor.h"

// A table of ops with operands, attributes and the results that numpy gives. Every row is computed in the
// types it is written in, and once more widened to f64.
namespace sinter::reference::test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

struct Literal {
  graph::TensorType type;
  std::vector<double> values;
};

Literal f32(graph::Shape shape, std::vector<double> values);
Literal i32(graph::Shape shape, std::vector<double> values);
Literal i64(graph::Shape shape, std::vector<double> values);
Literal boolean(graph::Shape shape, std::vector<double> values);

struct Row {
  graph::OpCode op;
  std::vector<Literal> operands;
  graph::Attributes attributes;
  std::vector<Literal> results;
  // Allowed distance, of f32, from each result relative to max(1, |result|); f64 gets 1e-8 of it. 0: the same
  // bits, any NaN being as good as another.
  double tolerance = 0;
};

void check(const std::vector<Row>& rows);

runtime::HostTensor to_tensor(const Literal& literal);
void expect_equal(const runtime::HostTensor& got, const Literal& want, double tolerance);

}  // namespace sinter::reference::test
