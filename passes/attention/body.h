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

// A kernel of attention says where in its body something stands by the op's number, parameters aside: as its
// result is called where the body is printed.
int64_t number_of(const graph::Function& body, const graph::Op& op);
const graph::Op& op_at(const graph::Op& kernel, std::string_view attribute);
// Throws a GraphError where a kernel with such an anchor is not made so.
void require_attention(const graph::Op& kernel, bool holds);

// The parts of the body of an `attention` or `attention_backward` kernel, whose first parameters are q, k and
// v:
//
//   scores = contract q, k     masked = f(scores)     weights = softmax masked     kept = g(weights)
//   product = contract kept, v
//
// The domain is the shape of `masked`. One axis of it counts keys, one queries: an axis on which neither k
// nor v depends. The others are batches, heads, groups.
//
// Who makes such a kernel has it say where they are: the attributes `scores`, `weights` and `product` are
// numbers of ops in its body, `key_axis` and `query_axis` axes of the domain.
struct AttentionBody {
  const graph::Function* body = nullptr;
  graph::Value q, k, v;
  const graph::Op* scores = nullptr;
  const graph::Op* softmax = nullptr;
  const graph::Op* product = nullptr;
  graph::Shape domain;
  size_t key = 0;
  std::optional<size_t> query;  // nothing where there is one query

  // Found in a body that is to become a kernel's; nothing where it is no attention that streams over its
  // keys.
  static std::optional<AttentionBody> match(const graph::Function& body);
  // Has a kernel say them, whose body is this one or begins with the same ops.
  void write_to(graph::Op& kernel) const;
  // What a kernel says; a GraphError where it says nothing of the kind.
  static AttentionBody of(const graph::Op& kernel);

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
  int64_t width() const;   // elements that they stand for, of a query or key
  int64_t values() const;  // and of a value

 private:
  void take_parameters();
  bool find_axes();
};

}  // namespace sinter::passes
