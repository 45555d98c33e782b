#include "passes/simplify/constants.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <vector>

#include "ir/loop/scalar_op.h"

namespace sinter::passes {

using graph::DType;
using graph::Op;
using graph::OpCode;

namespace {

bool computes(DType type) {
  return type != DType::f16 && type != DType::bf16;
}

// The shortest decimal that rounds to the same f32, so that 0.1f is written 0.1.
double shortest(double value) {
  if (!std::isfinite(value)) return value;
  const std::string text = fmt::format("{}", static_cast<float>(value));
  double read = value;
  std::from_chars(text.data(), text.data() + text.size(), read);
  return static_cast<double>(static_cast<float>(read)) == value ? read : value;
}

}  // namespace

bool Splat::operator==(const Splat& other) const {
  return type == other.type && value.integer == other.value.integer &&
         std::bit_cast<uint64_t>(value.number) == std::bit_cast<uint64_t>(other.value.number);
}

std::optional<Splat> splat_of(const Op& op) {
  if (op.code != OpCode::constant) return std::nullopt;
  const graph::Attribute* value = op.attributes.find("value");
  if (value == nullptr) return std::nullopt;
  return make_splat(*value, op.results[0].dtype);
}

Splat make_splat(double value, DType type) {
  const loop::Scalar number{.number = value};
  if (!computes(type)) return {number, type};
  return {loop::evaluate_cast(number, loop::Type::f64, loop::from_graph(type)), type};
}

Splat make_splat(const graph::Attribute& value, DType type) {
  const auto* whole = std::get_if<int64_t>(&value);
  if (whole == nullptr) return make_splat(std::get<double>(value), type);
  if (!computes(type)) return make_splat(static_cast<double>(*whole), type);
  return {loop::evaluate_cast({.integer = *whole}, loop::Type::i64, loop::from_graph(type)), type};
}

bool is_number(const Splat& splat, double number) {
  if (graph::is_floating(splat.type)) {
    return std::bit_cast<uint64_t>(splat.value.number) == std::bit_cast<uint64_t>(number);
  }
  return !(number == 0 && std::signbit(number)) && static_cast<double>(splat.value.integer) == number;
}

graph::Attributes attributes_of(const Splat& splat, graph::Shape shape) {
  graph::Attributes attributes{{"dtype", splat.type}, {"shape", std::move(shape)}};
  if (!graph::is_floating(splat.type)) {
    attributes.set("value", splat.value.integer);
  } else {
    attributes.set("value", splat.type == DType::f32 ? shortest(splat.value.number) : splat.value.number);
  }
  return attributes;
}

std::optional<Splat> fold_elementwise(const Op& op, std::span<const Splat> operands) {
  const DType from = operands.back().type, to = op.results[0].dtype;
  if (op.code == OpCode::select) return operands[0].value.integer ? operands[1] : operands[2];
  if (!computes(from) || !computes(to)) return std::nullopt;
  if (op.code == OpCode::cast) {
    return Splat{loop::evaluate_cast(operands[0].value, loop::from_graph(from), loop::from_graph(to)), to};
  }
  const auto code = loop::scalar_op(op.code);
  if (!code) return std::nullopt;
  std::vector<loop::Scalar> values;
  for (const Splat& operand : operands) values.push_back(operand.value);
  return Splat{loop::evaluate(*code, loop::from_graph(from), loop::from_graph(to), values), to};
}

std::optional<graph::Attributes> cast_table(const Op& table, DType to) {
  const DType from = table.results[0].dtype;
  if (!computes(from) || !computes(to)) return std::nullopt;
  std::vector<double> numbers;
  std::vector<int64_t> integers;
  const auto add = [&](const graph::Attribute& value) {
    const loop::Scalar cast =
        loop::evaluate_cast(make_splat(value, from).value, loop::from_graph(from), loop::from_graph(to));
    if (graph::is_floating(to)) {
      numbers.push_back(to == DType::f32 ? shortest(cast.number) : cast.number);
    } else {
      integers.push_back(cast.integer);
    }
  };
  const graph::Attribute& values = *table.attributes.find("values");
  if (const auto* own = std::get_if<std::vector<double>>(&values)) {
    for (const double value : *own) add(value);
  } else {
    for (const int64_t value : std::get<std::vector<int64_t>>(values)) add(value);
  }
  graph::Attributes attributes{{"dtype", to}, {"shape", table.results[0].shape}};
  if (graph::is_floating(to)) {
    attributes.set("values", std::move(numbers));
  } else {
    attributes.set("values", std::move(integers));
  }
  return attributes;
}

std::optional<Splat> fold_binary(loop::ScalarOp op, const Splat& lhs, const Splat& rhs) {
  if (!computes(lhs.type)) return std::nullopt;
  const loop::Type type = loop::from_graph(lhs.type);
  return Splat{loop::evaluate(op, type, type, std::vector{lhs.value, rhs.value}), lhs.type};
}

}  // namespace sinter::passes
