#include "passes/fuse/split_sums.h"

#include <algorithm>

#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"
#include "passes/schedule/contract/shared_tiles.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;

namespace {

// The product, as the schedule of contractions will see it.
ContractProblem problem_of(const Op& op, const ContractDims& dims) {
  const Shape &lhs = op.operands[0].shape(), &rhs = op.operands[1].shape();
  ContractProblem problem;
  problem.element_bytes = graph::size_in_bytes(op.results[0].dtype);
  for (size_t i = 0; i < dims.lhs.size(); ++i) {
    const bool in_rhs = dims.rhs.find(dims.lhs[i]) != std::string::npos;
    (dims.is_summed(dims.lhs[i]) ? problem.k : in_rhs ? problem.batch : problem.m) *= lhs[i];
  }
  for (size_t i = 0; i < dims.rhs.size(); ++i) {
    if (dims.lhs.find(dims.rhs[i]) == std::string::npos) problem.n *= rhs[i];
  }
  return problem;
}

// x with the axis of `letter` cut in two, the parts in front of it.
Value cut(graph::Builder& b, Value x, size_t axis, int64_t parts) {
  Shape shape = x.shape();
  shape[axis] /= parts;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), parts);
  return b.reshape(x, shape);
}

std::optional<Value> split(graph::Module& module, graph::Function& function, const Op& op,
                           const loop::Target& target) {
  if (op.results[0].elements() == 0) return std::nullopt;
  ContractDims dims = ContractDims::parse(op.attributes.text("dims"));
  const ContractProblem problem = problem_of(op, dims);
  const Value lhs = op.operands[0], rhs = op.operands[1];
  for (size_t axis = 0; axis < dims.lhs.size(); ++axis) {
    const char letter = dims.lhs[axis];
    const size_t other = dims.rhs.find(letter);
    if (!dims.is_summed(letter) || other == std::string::npos) continue;
    const int64_t parts = parts_of_sum(problem, lhs.shape()[axis], target);
    if (parts == 1) continue;
    char part = 'a';
    while ((dims.lhs + dims.rhs).find(part) != std::string::npos) ++part;
    dims.lhs.insert(axis, 1, part);
    dims.rhs.insert(other, 1, part);
    dims.result.insert(0, 1, part);
    graph::Builder b(module, function);
    b.set_location(op.location);
    graph::Attributes attributes = op.attributes;
    attributes.set("dims", dims.text());
    const Value sums =
        b.emit(OpCode::contract, {cut(b, lhs, axis, parts), cut(b, rhs, other, parts)}, attributes).result();
    return b.reduce_sum(sums, {0});
  }
  return std::nullopt;
}

}  // namespace

void split_sums(graph::Module& module, graph::Function& function, const loop::Target& target) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::contract) return std::nullopt;
    const auto whole = split(module, function, op, target);
    if (!whole) return std::nullopt;
    return std::vector<Value>{*whole};
  });
}

}  // namespace sinter::passes
