#pragma once

#include <map>
#include <optional>

#include "ir/graph/graph.h"
#include "ir/index/view_maps.h"

namespace sinter::passes {

using loop::Index;

// The number of which every element is, where there is one.
std::optional<double> splat_number(graph::Value value);
// exp(y), or select(mask, exp(y), 0): the exp, and the mask where there is one. Null where it is neither.
const graph::Op* exponential_of(graph::Value value, graph::Value& mask);

// The parts of the body of an `attention` or `attention_backward` kernel, whose first parameters are q, k and
// v:
//
//   scores = contract q, k     masked = f(scores)     weights = softmax masked     kept = g(weights)
//   product = contract kept, v
//
// The domain is the shape of `masked`. One axis of it counts keys, one queries: an axis on which neither k
// nor v depends. The others are batches, heads, groups.
struct AttentionBody {
  graph::Value q, k, v;
  const graph::Op* scores = nullptr;
  const graph::Op* softmax = nullptr;
  const graph::Op* product = nullptr;
  graph::Shape domain;
  size_t key = 0;
  std::optional<size_t> query;  // nothing where there is one query

  // Nothing where the body is no attention that streams over its keys.
  static std::optional<AttentionBody> find(const graph::Function& body);

  graph::Value masked() const { return softmax->operands[0]; }
  graph::Value weights() const { return const_cast<graph::Op*>(softmax)->result(); }
  graph::Value kept() const { return product->operands[0]; }
  graph::DType dtype() const { return masked().dtype(); }

  // What the letters of the two contractions stand at, for an index into the domain. Those of the width that
  // is summed, and of the values' own width, are left out.
  using Letters = std::map<char, loop::Expr>;
  Letters score_letters(const Index& at, const loop::RangeMap& ranges) const;
  Letters product_letters(const Index& at, const loop::RangeMap& ranges) const;
  // The index into `kept` for one into the domain.
  std::optional<Index> kept_index(const Index& at, const loop::RangeMap& ranges) const;
  // Those left out, in order: of q and k, and of v.
  std::string width_letters() const;
  std::string value_letters() const;

 private:
  bool find_axes();
};

}  // namespace sinter::passes
