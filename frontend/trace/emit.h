#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "frontend/base/convert.h"
#include "frontend/base/ranges.h"
#include "frontend/base/translate.h"
#include "frontend/trace/trace.h"

// How functions of tensors append operations.
namespace sinter {

using graph::Builder;
using graph::OpCode;
using Values = std::vector<graph::Value>;

// The operand as a value of the innermost function; a number as it is alone.
graph::Value resolve(Trace& trace, std::string_view what, const Operand& operand,
                     const std::source_location& where);
// Numbers take the element type of the first tensor; all of them as if alone where there is none.
Values resolve_alike(Trace& trace, std::string_view what, const std::vector<Operand>& operands,
                     const std::source_location& where);

// What `body` builds; what the graph's builder throws becomes the public exception, in the name of `what`.
template <typename F>
decltype(auto) built(const Trace& trace, std::string_view what, F&& body) {
  return translated([&]() -> decltype(auto) {
    try {
      return std::forward<F>(body)();
    } catch (const GraphError& error) {
      throw GraphError(trace.told_by(what, error.what()));
    }
  });
}

// The number in an element type: an integer in types of integers, a number in others.
graph::Attribute value_in(std::string_view what, const Number& number, graph::DType type,
                          const std::source_location& where);

// make(builder, values) with each operand by itself.
template <typename F>
Tensor build(std::string_view what, const std::vector<Operand>& operands, F&& make) {
  const std::source_location where = operands.front().where();
  Trace& trace = Trace::current(what, where);
  return built(trace, what, [&] {
    Values values;
    for (const Operand& operand : operands) values.push_back(resolve(trace, what, operand, where));
    return trace.wrap(std::forward<F>(make)(trace.builder(where), values));
  });
}

// make(builder, values) with operands of one element type.
template <typename F>
Tensor build_alike(std::string_view what, const std::vector<Operand>& operands, F&& make) {
  const std::source_location where = operands.front().where();
  Trace& trace = Trace::current(what, where);
  return built(trace, what, [&] {
    const Values values = resolve_alike(trace, what, operands, where);
    return trace.wrap(std::forward<F>(make)(trace.builder(where), values));
  });
}

inline Tensor build_elementwise(OpCode code, const std::vector<Operand>& operands) {
  return build_alike(name(code), operands,
                     [&](Builder& b, const Values& v) { return b.elementwise(code, v); });
}

// Of the options of the function `what`, called at `where`.
inline Ranges ranges_at(std::string_view what, const std::source_location& where) {
  return {what, Trace::current(what, where).place(where)};
}

// `axis` counted from the front; it may be `rank` too where `end` is allowed.
int64_t checked_axis(std::string_view what, int64_t axis, int64_t rank, const Operand& x, bool end = false);

}  // namespace sinter
