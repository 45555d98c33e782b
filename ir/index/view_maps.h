#pragma once

#include <optional>

#include "ir/graph/graph.h"
#include "ir/index/indexing.h"

// Where ops that move elements, and compute nothing from several of them, find each, and where they put it.
namespace sinter::loop {

// A reshape, transpose or broadcast: each element of the result is one of the operand's.
bool is_plain_view(const graph::Op& op);

// One of these, by itself.
struct View {
  graph::OpCode code;
  std::vector<int64_t> axes;  // the permutation, or the broadcast's dims
  graph::Shape from, to;
};
View view_of(const graph::Op& op);
View inverse(const View& view);  // what undoes it: a reshape or a transpose

// The index into the operand of the element `at` of the result.
Index source_of(const View& view, const Index& at, const RangeMap& ranges);

// The same of any view. Elementwise ops and checks have each element where their operands have it.
struct Source {
  Index index;
  Expr inside;  // where the operand has the element; null: everywhere. Others are padding, or another
                // operand's
};
Source source_of(const graph::Op& op, const Index& at, const RangeMap& ranges, size_t operand = 0);

// The index into the result for an element of the operand, where all elements of the operand are there once:
// of elementwise ops, checks, reshapes and transposes. Nothing of others.
std::optional<Index> result_of(const graph::Op& op, const Index& at, const RangeMap& ranges);

// Index into `to` of the element that the element `at` of `from` is computed from, through elementwise ops,
// reshapes, transposes and broadcasts; nothing where there is no such way.
std::optional<Index> trace(graph::Value from, const Index& at, graph::Value to, const RangeMap& ranges);

}  // namespace sinter::loop
