#include "passes/fuse/split_sums.h"

#include <algorithm>

#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"
#include "passes/schedule/contract/shared_tiles.h"
#include "passes/schedule/reduce/parts.h"

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

// A reduction as rows, what is reduced, and columns: of the axes that are reduced, those that lie together
// where most elements are.
struct Folded {
  Shape shape;
  std::vector<int64_t> axes;
  size_t longest = 0;  // the axis that is cut
};

Folded folded(const Op& op) {
  const Shape& shape = op.operands[0].shape();
  const auto& axes = op.attributes.integers("axes");
  Folded result;
  int64_t most = 0;
  bool was_reduced = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool is_reduced = std::ranges::find(axes, static_cast<int64_t>(i)) != axes.end();
    if (i > 0 && is_reduced == was_reduced) {
      result.shape.back() *= shape[i];
    } else {
      if (is_reduced) result.axes.push_back(static_cast<int64_t>(result.shape.size()));
      result.shape.push_back(shape[i]);
    }
    was_reduced = is_reduced;
    if (!is_reduced || result.shape.back() <= most) continue;
    most = result.shape.back();
    result.longest = result.shape.size() - 1;
  }
  return result;
}

// Columns of what a contraction multiplies as well, whose launch they share where it has tiles of them.
constexpr int64_t kColumnsOfTiles = 16;

std::optional<Value> split_reduction(graph::Module& module, graph::Function& function, const Op& op,
                                     bool is_multiplied, const loop::Target& target) {
  if (op.operands[0].type().elements() == 0) return std::nullopt;
  Folded x = folded(op);
  if (x.axes.empty()) return std::nullopt;
  ReductionProblem problem;
  problem.element_bytes = graph::size_in_bytes(op.results[0].dtype);
  for (size_t i = 0; i < x.shape.size(); ++i) {
    const bool is_reduced = std::ranges::find(x.axes, static_cast<int64_t>(i)) != x.axes.end();
    (is_reduced ? problem.length : i < x.longest ? problem.rows : problem.columns) *= x.shape[i];
  }
  // Lanes take neighbours along the last axis, also where another one is cut.
  if (x.axes.back() == static_cast<int64_t>(x.shape.size()) - 1) {
    problem.rows *= problem.columns;
    problem.columns = 1;
  }
  problem.is_beside = is_multiplied && problem.columns >= kColumnsOfTiles;
  const int64_t parts = parts_of_reduction(problem, x.shape[x.longest], target);
  if (parts == 1) return std::nullopt;
  graph::Builder b(module, function);
  b.set_location(op.location);
  const Value cut_up = cut(b, b.reshape(op.operands[0], x.shape), x.longest, parts);
  const auto axis = static_cast<int64_t>(x.longest);
  int64_t rows_before = axis;
  for (int64_t& reduced : x.axes) {
    if (reduced < axis) --rows_before;
    if (reduced >= axis) ++reduced;
  }
  const Value of_parts = b.emit(op.code, {cut_up}, {{"axes", x.axes}}).result();
  const Value whole = b.emit(op.code, {of_parts}, {{"axes", std::vector<int64_t>{rows_before}}}).result();
  return b.reshape(whole, op.results[0].shape);
}

}  // namespace

void split_sums(graph::Module& module, graph::Function& function, const loop::Target& target) {
  graph::ValueMap<bool> multiplied;
  for (const auto& op : function.ops()) {
    if (op->code != OpCode::contract) continue;
    for (Value operand : op->operands) multiplied[graph::strip_reshapes(operand)] = true;
  }
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    std::optional<Value> whole;
    if (op.code == OpCode::contract) whole = split(module, function, op, target);
    if (op.kind() == graph::OpKind::reduction) {
      const bool is_multiplied = multiplied.contains(graph::strip_reshapes(op.operands[0]));
      whole = split_reduction(module, function, op, is_multiplied, target);
    }
    if (!whole) return std::nullopt;
    if (multiplied.contains(op.result())) multiplied[graph::strip_reshapes(*whole)] = true;
    return std::vector<Value>{*whole};
  });
}

}  // namespace sinter::passes
