#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// A function for a whole batch, op by op beside the same function for a part of it. All values and ops that
// it is asked for are those of the whole.
class Pairing {
 public:
  // Throws GraphError where they differ in more than their shapes.
  Pairing(const graph::Module& module, const graph::Function& whole, const graph::Function& part,
          int64_t parts);

  int64_t parts() const { return parts_; }
  const std::vector<graph::Op*>& ops() const { return whole_; }
  const std::vector<graph::Output>& outputs() const { return *outputs_; }
  size_t ordinal(const graph::Op& op) const { return ordinals_.at(&op); }
  graph::Op& twin(const graph::Op& op) const { return *part_[ordinal(op)]; }
  graph::Value twin(graph::Value value) const { return {&twin(*value.op), value.index}; }

  // Whether it has a row, or several, for each of the batch.
  bool has_rows(graph::Value value) const { return value.shape() != twin(value).shape(); }
  bool takes_rows(const graph::Op& op) const;  // some operand has rows
  bool makes_rows(const graph::Op& op) const;  // some result has
  // The axis along which the batch lies. Throws GraphError, in the name of the op, where it is not one axis
  // as many times as long as a part's as there are parts.
  size_t batch_axis(graph::Value value) const;
  std::optional<size_t> find_batch_axis(graph::Value value) const;  // nothing instead
  int64_t rows_of_part(graph::Value value) const { return twin(value).shape()[batch_axis(value)]; }

 private:
  int64_t parts_;
  const std::vector<graph::Output>* outputs_;
  std::vector<graph::Op*> whole_, part_;
  std::unordered_map<const graph::Op*, size_t> ordinals_;
};

}  // namespace sinter::passes
