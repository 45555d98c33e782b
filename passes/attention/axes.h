#pragma once

#include <vector>

#include "passes/attention/body.h"

namespace sinter::passes {

// Which axes of its domain each parameter of a kernel of attention varies along.
class AttentionAxes {
 public:
  explicit AttentionAxes(const graph::Op& kernel);

  const graph::Shape& domain() const { return parts_.domain; }
  // By axis: whether all those parameters vary along it, or it has extent 1.
  using Axes = std::vector<bool>;
  Axes common(const std::vector<size_t>& parameters) const;
  // The product of the extents of those axes, but for queries and keys.
  int64_t units(const Axes& axes) const;
  // Whether a parameter has an element of its own for each place on the axes that it varies along. Then
  // whoever has such a place makes the element's gradient alone; otherwise others add to it.
  bool has_own_elements(size_t parameter) const { return has_own_elements_[parameter]; }

 private:
  AttentionBody parts_;
  std::vector<Axes> varies_;  // by parameter
  std::vector<bool> has_own_elements_;
};

}  // namespace sinter::passes
