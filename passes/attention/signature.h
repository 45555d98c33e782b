#pragma once

#include <vector>

#include "passes/base/kernel_builder.h"

// What an `attention_backward` kernel reads and returns, and what stands in its body on the way. The body
// begins with that of the attention, whose parameters come first.
namespace sinter::passes {

struct BackwardSignature {
  // The last parameters: what the attention returned, which spares work, and the cotangent of its output.
  // Shift and total are the maximum and the sum of each row of the softmax. Together they are the
  // log-sum-exp, which in one float would lose the sum beside a shift of -1e9.
  graph::Value out, shift, total, cotangent;
  // For each result, the operand whose gradient it is.
  std::vector<size_t> operands;
  // The cotangent of what g keeps; the sum over keys of the weights times their cotangents; the cotangent of
  // the scores. Empty where no gradient that is asked for needs it.
  graph::Value kept_cotangent, row_sum, score_cotangent;

  // What a kernel says: in attributes `gradients`, the operands, and by the name of each value the number of
  // its op.
  static BackwardSignature of(const graph::Op& kernel);
};

// Adds these parameters to a kernel that has those of `attention`. Returns the cotangent's.
graph::Value add_backward_parameters(KernelBuilder& kernel, graph::Op& attention, graph::Value cotangent);
// Has a kernel say what its results are and what stands in its body. Its attention's parts it says already.
void write_backward_signature(graph::Op& kernel, const std::vector<size_t>& operands);

}  // namespace sinter::passes
