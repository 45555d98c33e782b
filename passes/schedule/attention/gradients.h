#pragma once

#include <functional>
#include <vector>

#include "passes/attention/axes.h"
#include "passes/attention/signature.h"
#include "passes/schedule/attention/core.h"

namespace sinter::passes {

// A result of an `attention_backward` kernel.
struct AttentionGradient {
  size_t operand = 0;  // whose gradient it is
  graph::Value value;  // in the core's body
  loop::BufferRef buffer;
};

// The gradients that an `attention_backward` kernel makes, and how it comes to them.
class AttentionGradients {
 public:
  explicit AttentionGradients(AttentionCore& core);

  const AttentionAxes& axes() const { return axes_; }
  const std::vector<AttentionGradient>& all() const { return all_; }
  const AttentionGradient* of(size_t operand) const;  // null where it is not asked for

  const BackwardSignature& signature() const { return signature_; }

  // A value of the core's body at an index, as an expression.
  using Read = std::function<loop::Expr(graph::Value value, const Index& index)>;
  struct Term {
    Index index;
    loop::Expr value;
  };
  // What the element `at` of the domain adds to `value`, and where.
  std::vector<Term> terms(graph::Value value, const Index& at, const Read& read);
  // Where it adds to the gradient of what f or g reads: each term at the same place, as at any other element
  // that differs from `at` along axes that the operand does not have.
  loop::Expr place_of(const AttentionGradient& gradient, const Index& at);

 private:
  std::vector<Term> terms(graph::Value value, const Tile& known, const Read& read);

  AttentionCore& core_;
  AttentionAxes axes_;
  BackwardSignature signature_;
  std::vector<AttentionGradient> all_;
};

// Gradients that depend on the same axes of the domain: whoever makes them has a piece of these axes for its
// own, and adds up along the others.
struct GradientPart {
  std::vector<const AttentionGradient*> gradients;
  graph::Shape own, along;  // extents of the domain's axes but queries and keys
  bool own_queries = false, own_keys = false;
};
// Those of queries, keys and values side by side where they depend on the same.
std::vector<GradientPart> gradient_parts(const AttentionBody& body, const AttentionGradients& gradients);

}  // namespace sinter::passes
