#include "frontend/trace/emit.h"

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <limits>

namespace sinter {
namespace {

bool fits_i32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
}

// A C++ number as a scalar constant of `type`.
graph::Value number(Trace& trace, std::string_view what, const Operand& operand, graph::DType type,
                    const std::source_location& where) {
  const auto refuse = [&](const auto& value) {
    trace.fail(what, fmt::format("the number {} does not fit a tensor of {}", value, graph::name(type)),
               where);
  };
  graph::Builder& b = trace.builder(where);
  if (const auto* real = std::get_if<double>(&operand.content())) {
    if (!graph::is_floating(type)) refuse(*real);
    return b.constant(*real, type);
  }
  if (const auto* flag = std::get_if<bool>(&operand.content())) {
    if (type != graph::DType::boolean) refuse(*flag);
    return b.constant_int(*flag, type);
  }
  const int64_t integer = std::get<int64_t>(operand.content());
  if (graph::is_floating(type)) return b.constant(static_cast<double>(integer), type);
  if (type == graph::DType::boolean || (type == graph::DType::i32 && !fits_i32(integer))) refuse(integer);
  return b.constant_int(integer, type);
}

graph::DType type_alone(const Operand& operand) {
  if (std::holds_alternative<double>(operand.content())) return graph::DType::f32;
  if (std::holds_alternative<bool>(operand.content())) return graph::DType::boolean;
  return fits_i32(std::get<int64_t>(operand.content())) ? graph::DType::i32 : graph::DType::i64;
}

}  // namespace

graph::Attribute value_in(std::string_view what, const Number& number, graph::DType type,
                          const std::source_location& where) {
  return std::visit(
      [&]<typename T>(T value) -> graph::Attribute {
        if (graph::is_floating(type)) return static_cast<double>(value);
        if (type == graph::DType::boolean) return static_cast<int64_t>(value != T{0});
        int64_t whole = 0;
        bool fits = true;
        if constexpr (std::same_as<T, double>) {
          fits = value >= -0x1p63 && value < 0x1p63 && value == std::trunc(value);
          if (fits) whole = static_cast<int64_t>(value);
        } else {
          whole = value;
        }
        if (!fits || (type == graph::DType::i32 && !fits_i32(whole))) {
          Trace::current(what, where)
              .fail(what, fmt::format("the number {} does not fit a tensor of {}", value, graph::name(type)),
                    where);
        }
        return whole;
      },
      number.content());
}

graph::Value resolve(Trace& trace, std::string_view what, const Operand& operand,
                     const std::source_location& where) {
  if (const auto* tensor = std::get_if<Tensor>(&operand.content())) return trace.use(what, *tensor, where);
  return number(trace, what, operand, type_alone(operand), where);
}

Values resolve_alike(Trace& trace, std::string_view what, const std::vector<Operand>& operands,
                     const std::source_location& where) {
  const Tensor* first = nullptr;
  bool real = false;
  for (const Operand& operand : operands) {
    const auto* tensor = std::get_if<Tensor>(&operand.content());
    if (first == nullptr) first = tensor;
    real = real || std::holds_alternative<double>(operand.content());
  }
  Values values;
  for (const Operand& operand : operands) {
    if (const auto* tensor = std::get_if<Tensor>(&operand.content())) {
      values.push_back(trace.use(what, *tensor, where));
    } else if (first != nullptr && first->defined()) {
      values.push_back(number(trace, what, operand, to_graph(first->dtype()), where));
    } else {
      values.push_back(number(trace, what, operand, real ? graph::DType::f32 : type_alone(operand), where));
    }
  }
  return values;
}

int64_t checked_axis(std::string_view what, int64_t axis, int64_t rank, const Operand& x, bool end) {
  const int64_t from_front = axis < 0 ? axis + rank + (end ? 1 : 0) : axis;
  if (from_front >= 0 && from_front < rank + (end ? 1 : 0)) return from_front;
  Trace::current(what, x.where())
      .fail(what, fmt::format("axis {} is outside {}", axis, x.tensor().type()), x.where());
}

}  // namespace sinter
