#pragma once

#include <sinter/sinter.h>

#include <functional>
#include <string>
#include <vector>

namespace sinter {

// A program of `body` as the function "f" without inputs, on the reference device.
inline Program compiled(const std::function<Tensor()>& body, FunctionOptions options = {}) {
  Program program;
  program.add(
      "f", {},
      [&](const Inputs&) -> Outputs {
        return {{"y", body()}};
      },
      options);
  program.compile({.device = "reference"});
  return program;
}

// Its graph as text without locations.
inline std::string graph_of(const std::function<Tensor()>& body, FunctionOptions options = {}) {
  return compiled(body, options).text("f", false);
}

// What `body` gives.
inline Array evaluate(const std::function<Tensor()>& body, FunctionOptions options = {}) {
  return compiled(body, options).run("f", {}).at("y");
}

inline std::vector<float> floats(const Array& array) {
  const auto values = array.values<float>();
  return {values.begin(), values.end()};
}

inline std::vector<float> evaluate_floats(const std::function<Tensor()>& body, FunctionOptions options = {}) {
  return floats(evaluate(body, options));
}

inline Tensor row(std::initializer_list<float> values) {
  return constant(Array::from<float>(values, {static_cast<int64_t>(values.size())}));
}

}  // namespace sinter
