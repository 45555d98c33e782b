#pragma once

#include "passes/schedule/core/template.h"

namespace sinter::passes {

// Where elementwise loops stand in their domain, axes of extent 1 left out or all taken together.
struct DomainPoint {
  const graph::Shape& domain;
  Index index;
  loop::Expr predicate;
};
using DomainBody = std::function<loop::Stmt(const DomainPoint& at)>;

// Loops over the elements of a domain, `width` at once, spread over threads where they are many; with `flat`,
// as if it had one axis.
loop::Stmt elementwise_loops(Template& t, graph::Shape domain, int64_t width, bool flat,
                             const DomainBody& body);

}  // namespace sinter::passes
