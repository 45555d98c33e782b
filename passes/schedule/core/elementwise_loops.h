#pragma once

#include "passes/schedule/core/template.h"

namespace sinter::passes {

// How loops over the elements of a domain are cut.
struct ElementwiseBlocks {
  graph::Shape domain;   // axes of extent 1 left out, or all axes taken together
  bool by_rows = false;  // vectors go along its last axis, rather than over all elements
  int64_t lanes = 1;     // elements that are taken at once
  int64_t unit = 1;      // rows, or vectors, of a unit of parallel work
};

// The domain without axes of extent 1; `flat`: as if it had one.
graph::Shape elementwise_domain(graph::Shape domain, bool flat);
// `width` elements at once; or `narrow` along rows that have fewer. A unit has about `unit_elements`.
ElementwiseBlocks choose_elementwise(graph::Shape domain, int64_t width, int64_t narrow,
                                     int64_t unit_elements);

// Where elementwise loops stand in their domain.
struct DomainPoint {
  const graph::Shape& domain;
  Index index;
  loop::Expr predicate;
};
using DomainBody = std::function<loop::Stmt(const DomainPoint& at)>;

// Loops over the elements of a domain, spread over threads where they are many.
loop::Stmt elementwise_loops(Template& t, const ElementwiseBlocks& blocks, const DomainBody& body);

}  // namespace sinter::passes
