#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// What became of the values of ops that were taken out of a function. The ops live on in here, so that no new
// op gets the address of an old one.
class Replacements {
 public:
  void add(std::unique_ptr<graph::Op> op, const std::vector<graph::Value>& by);
  graph::Value operator()(graph::Value value) const;  // the value itself where it was not replaced
  void apply(std::vector<graph::Value>& values) const;

 private:
  graph::ValueMap<graph::Value> map_;
  std::vector<std::unique_ptr<graph::Op>> retired_;
};

// Rebuilds `function` op by op. For each op, operands already replaced, `expand` may append other ops to the
// function and return what stands for the op's results; where it returns nothing the op is kept.
using Expand = std::function<std::optional<std::vector<graph::Value>>(graph::Op& op)>;
void rewrite_ops(graph::Function& function, Replacements& replacements, const Expand& expand);

// What the grad ops among `ops` differentiate for. A rule may not look through these: the gradient for v of
// f(v) is not that of what v is made from.
std::vector<graph::Value> differentiated_values(const std::vector<std::unique_ptr<graph::Op>>& ops);

}  // namespace sinter::passes
