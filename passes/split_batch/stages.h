#pragma once

#include <vector>

#include "passes/split_batch/pairing.h"

namespace sinter::passes {

// What of a function is made of each micro-batch, and what once. A gradient is of the whole batch, so what is
// made with its help, an updated weight say, comes a stage later than what it is the gradient of: for each
// stage, micro-batches are gone over anew. So are the inputs alone, before all else, where what is made of
// all of their rows goes back into rows: weights are divided by their sum over the whole batch.
class Stages {
 public:
  explicit Stages(const Pairing& pairing);

  int count() const { return count_; }
  int stage(const graph::Op& op) const { return ops_[pairing_->ordinal(op)].stage; }
  // Whether it is made of a micro-batch: it takes or makes rows.
  bool is_of_rows(const graph::Op& op) const { return ops_[pairing_->ordinal(op)].is_of_rows; }
  // Whether it is made once, with the help of what the rows of its stage have come to.
  bool follows_rows(const graph::Op& op) const { return ops_[pairing_->ordinal(op)].follows_rows; }
  // For an op that is of rows, or that follows such: whether the operand is known before the stage's
  // micro-batches are gone over.
  bool is_known_before(const graph::Op& op, graph::Value operand) const;
  // Whether the whole batch's is asked for, of an op that is of rows or follows such; the other ones are for
  // rows of their micro-batch alone.
  bool is_wanted(const graph::Op& op) const { return ops_[pairing_->ordinal(op)].is_wanted; }

 private:
  struct OfOp {
    int stage = 0;
    bool is_of_inputs = false;  // made of the function's inputs and of numbers, not of state
    bool is_of_rows = false;
    bool follows_rows = false;
    bool is_wanted = false;
  };
  OfOp& of(const graph::Op& op) { return ops_[pairing_->ordinal(op)]; }
  void find_inputs();
  bool is_of_all_inputs(graph::Value value) const;
  void place(const graph::Op& op, int first);
  void want();

  const Pairing* pairing_;
  std::vector<OfOp> ops_;
  int count_ = 1;
};

}  // namespace sinter::passes
