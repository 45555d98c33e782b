#pragma once

#include <vector>

#include "ir/graph/builder.h"

namespace sinter::passes {

// What a rule sees: the forward op, the cotangents of its results, and a builder that stands where gradients
// are written, its location set to that of the op.
struct Vjp {
  graph::Module& module;
  graph::Builder& b;
  graph::Op& op;
  std::vector<graph::Value> cotangents;  // of the op's results; an empty value is zero
  std::vector<bool> wanted;              // the operands that lead to what is differentiated for
  graph::Value g;                        // the cotangent of the first result

  graph::Value x(size_t operand = 0) const { return op.operands[operand]; }
  graph::Value y(int result = 0) const { return op.result(result); }
  graph::Value number(double value) const { return b.scalar_like(value, g); }
  graph::Value zeros(graph::Value like) const { return b.constant_like(0, like); }
  graph::Value scaled(double factor, graph::Value value) const {
    return b.mul(b.scalar_like(factor, value), value);
  }
};

// The cotangent of one operand, called for wanted operands only where g is not zero. It may be larger than
// the operand by axes that numpy would have broadcast; they are summed where cotangents are accumulated.
using OperandRule = graph::Value (*)(const Vjp& v, size_t operand);
// The cotangents of all operands at once; an empty value is zero.
using WholeRule = std::vector<graph::Value> (*)(const Vjp& v);

struct VjpRule {
  enum class Kind {
    per_operand,
    whole,
    zero,           // the gradient is zero: integers, comparisons, sources, steps
    by_definition,  // composites: replaced by what they stand for, which is then differentiated
    missing,        // cannot be differentiated; a GraphError
  };

  graph::OpCode code;
  Kind kind;
  OperandRule operand = nullptr;
  WholeRule all = nullptr;
  // Of a composite: which ops the rule is for, the others going by definition; all where there is none.
  bool (*is_for)(const graph::Op& op) = nullptr;

  bool goes_by_definition(const graph::Op& op) const {
    return kind == Kind::by_definition || (is_for != nullptr && !is_for(op));
  }
};

constexpr VjpRule per_operand(graph::OpCode code, OperandRule rule) {
  return {code, VjpRule::Kind::per_operand, rule, nullptr};
}
constexpr VjpRule whole(graph::OpCode code, WholeRule rule) {
  return {code, VjpRule::Kind::whole, nullptr, rule};
}
constexpr VjpRule whole_where(graph::OpCode code, bool (*is_for)(const graph::Op& op), WholeRule rule) {
  return {code, VjpRule::Kind::whole, nullptr, rule, is_for};
}
constexpr VjpRule zero(graph::OpCode code) {
  return {code, VjpRule::Kind::zero};
}
constexpr VjpRule by_definition(graph::OpCode code) {
  return {code, VjpRule::Kind::by_definition};
}
constexpr VjpRule missing(graph::OpCode code) {
  return {code, VjpRule::Kind::missing};
}

const VjpRule& vjp_rule(graph::OpCode code);

// The rules that are no one-liners: call.cc, scan.cc, all_reduce.cc.
std::vector<graph::Value> call_vjp(const Vjp& v);
std::vector<graph::Value> scan_vjp(const Vjp& v);
std::vector<graph::Value> all_reduce_vjp(const Vjp& v);

}  // namespace sinter::passes
