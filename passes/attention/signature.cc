#include "passes/attention/signature.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "ir/error.h"

namespace sinter::passes {

using graph::Value;

namespace {

constexpr std::array kNames = {"out", "shift", "total"};

}  // namespace

BackwardParameters add_backward_parameters(graph::Builder& builder, const graph::Op& attention) {
  std::array<Value, kNames.size()> known;
  for (size_t i = 0; i < kNames.size(); ++i) known[i] = builder.parameter(kNames[i], attention.results[i]);
  return {known[0], known[1], known[2], builder.parameter("d_out", attention.results[0])};
}

BackwardParameters backward_parameters(const graph::Function& body) {
  const auto parameters = body.parameters();
  const auto from_end = [&](size_t i) { return parameters.at(parameters.size() - i)->result(); };
  return {from_end(4), from_end(3), from_end(2), from_end(1)};
}

std::string gradient_name(size_t operand) {
  return fmt::format("d{}", operand);
}

size_t operand_of_gradient(const std::string& name) {
  size_t operand = 0;
  const char *begin = name.data() + 1, *end = name.data() + name.size();
  if (name.empty() || std::from_chars(begin, end, operand).ptr != end || gradient_name(operand) != name)
    throw InternalError(fmt::format("attention_backward: an output is called '{}'", name));
  return operand;
}

}  // namespace sinter::passes
