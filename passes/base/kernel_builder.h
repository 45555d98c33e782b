#pragma once

#include <memory>
#include <string>

#include "ir/graph/anchor.h"

namespace sinter::passes {

// Makes a kernel op: ops of a function go into its body, and what they read from outside becomes its
// operands.
class KernelBuilder {
 public:
  KernelBuilder(graph::Anchor anchor, graph::Location location);

  graph::Function& body() { return *kernel_->body; }
  size_t operands() const { return kernel_->operands.size(); }
  // The body's parameter that stands for a value outside; one for each value.
  graph::Value parameter(graph::Value outside);
  // One more parameter, which nothing else that reads the value shares. Without a name it is p and its
  // number.
  graph::Value own_parameter(graph::Value outside, std::string name = {});
  // From here on `inside` stands for a value outside.
  void bind(graph::Value outside, graph::Value inside) { map_[outside] = inside; }
  // A copy of an op outside. Its operands are what was imported for them; others become parameters.
  graph::Op& clone(const graph::Op& op);
  // What stands in the body for a value outside; an empty value where nothing does yet.
  graph::Value find(graph::Value outside) const;
  // A value of the body is the kernel's next result.
  void output(graph::Value inside);

  // The kernel, its body's parameters first.
  std::unique_ptr<graph::Op> finish();

 private:
  std::unique_ptr<graph::Op> kernel_;
  graph::ValueMap<graph::Value> map_;
};

}  // namespace sinter::passes
