#include "frontend/trace/emit.h"

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <limits>

#include "frontend/trace/number.h"

namespace sinter {
namespace {

bool fits_i32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
}

// A C++ number as a scalar constant of `type`.
graph::Value constant(Trace& trace, std::string_view what, const Number& number, graph::DType type,
                      const std::source_location& where) {
  const auto refuse = [&](const auto& value) {
    trace.fail(what, fmt::format("the number {} does not fit a tensor of {}", value, graph::name(type)),
               where);
  };
  graph::Builder& b = trace.builder(where);
  if (is_real(number)) {
    if (!graph::is_floating(type)) refuse(number.real());
    return b.constant(number.real(), type);
  }
  const int64_t integer = number.integer();
  if (number.kind() == Number::Kind::flag) {
    if (type != graph::DType::boolean) refuse(integer != 0);
    return b.constant_int(integer, type);
  }
  if (graph::is_floating(type)) return b.constant(static_cast<double>(integer), type);
  if (type == graph::DType::boolean || (type == graph::DType::i32 && !fits_i32(integer))) refuse(integer);
  return b.constant_int(integer, type);
}

graph::DType type_alone(const Number& number) {
  if (is_real(number)) return graph::DType::f32;
  if (number.kind() == Number::Kind::flag) return graph::DType::boolean;
  return fits_i32(number.integer()) ? graph::DType::i32 : graph::DType::i64;
}

}  // namespace

graph::Attribute value_in(std::string_view what, const Number& number, graph::DType type,
                          const std::source_location& where) {
  return with_value(number, [&]<typename T>(T value) -> graph::Attribute {
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
  });
}

graph::Value resolve(Trace& trace, std::string_view what, const Operand& operand,
                     const std::source_location& where) {
  if (const Tensor* tensor = operand.given_tensor()) return trace.use(what, *tensor, where);
  const Number& number = *operand.given_number();
  return constant(trace, what, number, type_alone(number), where);
}

Values resolve_alike(Trace& trace, std::string_view what, const std::vector<Operand>& operands,
                     const std::source_location& where) {
  const Tensor* first = nullptr;
  bool real = false;
  for (const Operand& operand : operands) {
    if (first == nullptr) first = operand.given_tensor();
    real = real || (operand.given_number() != nullptr && is_real(*operand.given_number()));
  }
  Values values;
  for (const Operand& operand : operands) {
    if (const Tensor* tensor = operand.given_tensor()) {
      values.push_back(trace.use(what, *tensor, where));
      continue;
    }
    const Number& number = *operand.given_number();
    const graph::DType alone = real ? graph::DType::f32 : type_alone(number);
    const bool is_beside = first != nullptr && first->defined();
    values.push_back(constant(trace, what, number, is_beside ? to_graph(first->dtype()) : alone, where));
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
