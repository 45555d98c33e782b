#pragma once

#include <sinter/sinter.h>

#include <functional>
#include <string>
#include <vector>

namespace sinter {

// The message of the Error that `body` throws; "" where it throws none.
template <typename F>
std::string message_of(F&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Traces `body` as the function "f" without inputs; its graph as text without locations.
inline std::string graph_of(const std::function<Tensor()>& body, FunctionOptions options = {}) {
  Program program;
  program.add(
      "f", {},
      [&](const Inputs&) -> Outputs {
        return {{"y", body()}};
      },
      options);
  program.compile({.device = "reference"});
  return program.text("f", false);
}

// What `body` gives on the reference device.
inline Array evaluate(const std::function<Tensor()>& body, FunctionOptions options = {}) {
  Program program;
  program.add(
      "f", {},
      [&](const Inputs&) -> Outputs {
        return {{"y", body()}};
      },
      options);
  program.compile({.device = "reference"});
  return program.run("f", {}).at("y");
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
