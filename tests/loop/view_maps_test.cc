#include "ir/index/view_maps.h"

#include <gtest/gtest.h>

#include <numeric>

#include "backends/reference/interpreter.h"
#include "ir/graph/builder.h"
#include "runtime/tensor.h"

// Where a view finds each element, against the reference, which says so by itself.
namespace sinter::loop {
namespace {

using graph::Attributes;
using graph::OpCode;
using graph::Shape;
using graph::Value;

struct Graph {
  Graph() : function(module.add_function("f")), b(module, function) {}

  graph::Module module;
  graph::Function& function;
  graph::Builder b;
};

Index constants(int64_t position, const Shape& shape) {
  return delinearize(integer(position), shape, {});
}

int64_t position_of(const Index& index, const Shape& shape) {
  return as_integer(simplify(linearize(index, shape), {})).value();
}

// A view of operands whose elements are numbered from 0, across all; padding is -1.
void check(OpCode code, const std::vector<Shape>& shapes, const Attributes& attributes) {
  SCOPED_TRACE(graph::name(code));
  Graph g;
  std::vector<Value> operands;
  std::vector<runtime::HostTensor> inputs;
  std::vector<int64_t> first;
  int64_t next = 0;
  for (const Shape& shape : shapes) {
    operands.push_back(g.b.parameter("p" + std::to_string(operands.size()), {graph::DType::i64, shape}));
    inputs.emplace_back(runtime::DType::i64, shape);
    auto* values = static_cast<int64_t*>(inputs.back().raw());
    std::iota(values, values + inputs.back().size(), next);
    first.push_back(next);
    next += inputs.back().size();
  }
  const graph::Op& op = g.b.emit(code, operands, attributes);
  g.b.output("y", g.function.ops().back()->result());
  const auto outputs = reference::evaluate(g.module, g.function, inputs);
  const auto* expected = static_cast<const int64_t*>(outputs[0].raw());
  for (int64_t i = 0; i < outputs[0].size(); ++i) {
    const Index at = constants(i, op.results[0].shape);
    int64_t found = -1;
    for (size_t operand = 0; operand < shapes.size(); ++operand) {
      const Source source = source_of(op, at, {}, operand);
      if (source.inside && as_integer(simplify(source.inside, {})) == 0) continue;
      EXPECT_EQ(found, -1) << "two operands have element " << i;
      found = first[operand] + position_of(source.index, shapes[operand]);
      if (const auto back = result_of(op, source.index, {})) {
        EXPECT_EQ(position_of(*back, op.results[0].shape), i);
      }
    }
    EXPECT_EQ(found, expected[i]) << "element " << i;
  }
}

TEST(ViewMaps, FindWhatTheReferenceFinds) {
  check(OpCode::reshape, {{6, 4}}, {{"shape", Shape{3, 1, 4, 2}}});
  check(OpCode::reshape, {{1, 2, 1, 3}}, {{"shape", Shape{2, 3, 1}}});
  check(OpCode::transpose, {{2, 3, 4}}, {{"permutation", Shape{2, 0, 1}}});
  check(OpCode::broadcast, {{1, 4}}, {{"dims", Shape{0, 2}}, {"shape", Shape{3, 2, 4}}});
  check(OpCode::slice, {{5, 6}}, {{"limit", Shape{4, 5}}, {"start", Shape{1, 0}}, {"stride", Shape{1, 2}}});
  check(OpCode::reverse, {{2, 5}}, {{"axes", Shape{1}}});
  check(OpCode::window, {{7, 2}},
        {{"axis", int64_t{0}}, {"dilation", int64_t{2}}, {"size", int64_t{3}}, {"stride", int64_t{1}}});
  check(OpCode::pad, {{3, 4}},
        {{"high", Shape{1, 0}}, {"interior", Shape{0, 2}}, {"low", Shape{2, 0}}, {"value", int64_t{-1}}});
  check(OpCode::pad, {{1}},
        {{"high", Shape{3}}, {"interior", Shape{1}}, {"low", Shape{2}}, {"value", int64_t{-1}}});
  check(OpCode::concat, {{2, 3}, {2, 4}, {2, 1}}, {{"axis", int64_t{1}}});
  check(OpCode::concat, {{2}, {0}, {3}}, {{"axis", int64_t{0}}});
}

TEST(ViewMaps, LeadBackWhereEachElementHasOnePlace) {
  Graph g;
  const Value x = g.b.parameter("x", {graph::DType::f32, {2, 3}});
  const Value exp = g.b.exp(x), turned = g.b.transpose(exp, {1, 0});
  const Value wide = g.b.broadcast(turned, {3, 2, 5}, {0, 1});
  RangeMap ranges;
  const Index at = fresh_index({2, 3}, ranges).at, there{at[1], at[0]};
  EXPECT_EQ(result_of(*exp.op, at, ranges), at);
  EXPECT_EQ(result_of(*turned.op, at, ranges), there);
  EXPECT_FALSE(result_of(*wide.op, there, ranges));
  EXPECT_EQ(trace(wide, Index{at[1], at[0], integer(4)}, x, ranges), at);
  EXPECT_FALSE(trace(x, at, wide, ranges));
}

}  // namespace
}  // namespace sinter::loop
