#pragma once

#include <string>

#include "ir/graph/builder.h"

// The signature of the body of an `attention_backward` kernel: the parameters of the attention's body, then
// four that are at hand and spare work; an output for each gradient, named for the operand that it belongs
// to.
namespace sinter::passes {

// Shift and total are the maximum and the sum of each row of the softmax. Together they are the log-sum-exp,
// which in one float would lose the sum beside a shift of -1e9.
struct BackwardParameters {
  graph::Value out, shift, total, cotangent;
};

// Appends them, of an attention that returns its output, shift and total.
BackwardParameters add_backward_parameters(graph::Builder& builder, const graph::Op& attention);
BackwardParameters backward_parameters(const graph::Function& body);

std::string gradient_name(size_t operand);
size_t operand_of_gradient(const std::string& name);

}  // namespace sinter::passes
