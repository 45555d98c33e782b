#pragma once

#include <optional>
#include <span>

#include "ir/graph/graph.h"
#include "ir/loop/scalar.h"

namespace sinter::passes {

// A constant all of whose elements are the same, as its type rounds it.
struct Splat {
  loop::Scalar value;
  graph::DType type;

  bool operator==(const Splat& other) const;  // of their bits: 0 and -0 differ, NaN equals itself
};

std::optional<Splat> splat_of(const graph::Op& op);
Splat make_splat(double value, graph::DType type);
Splat make_splat(const graph::Attribute& value, graph::DType type);  // an integer or a number
bool is_number(const Splat& splat, double number);  // the same bits: -0 is no 0, and no integer is -0

// The attributes of the constant op that makes it.
graph::Attributes attributes_of(const Splat& splat, graph::Shape shape);

// What an elementwise op makes of splats; nothing for types that only move (f16, bf16).
std::optional<Splat> fold_elementwise(const graph::Op& op, std::span<const Splat> operands);
// The attributes of a constant op of several values, of another type; nothing for types that only move.
std::optional<graph::Attributes> cast_table(const graph::Op& table, graph::DType to);
std::optional<Splat> fold_binary(loop::ScalarOp op, const Splat& lhs, const Splat& rhs);

}  // namespace sinter::passes
