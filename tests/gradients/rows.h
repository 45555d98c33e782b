#pragma once

#include <vector>

#include "tests/gradients/check.h"

namespace sinter::test {

// A row for each differentiable op, and more for its shapes and attributes. Points are away from kinks, whose
// conventions are in ties_test.cc.
const std::vector<Case>& rows();

std::vector<Case> primitive_rows();
std::vector<Case> composite_rows();

inline Sample real(graph::Shape shape, double low = -2, double high = 2) {
  return {{graph::DType::f64, std::move(shape)}, low, high};
}
inline Sample indices(graph::Shape shape, std::vector<int64_t> values,
                      graph::DType type = graph::DType::i32) {
  return {{type, std::move(shape)}, 0, 0, std::move(values)};
}
inline Sample flags(graph::Shape shape, std::vector<int64_t> values) {
  return indices(std::move(shape), std::move(values), graph::DType::boolean);
}

}  // namespace sinter::test
