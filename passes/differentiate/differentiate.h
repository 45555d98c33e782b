#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "ir/graph/builder.h"

namespace sinter::passes {

// Expands every `grad` op into the gradient ops it stands for, the earliest of a function first, so that a
// later one differentiates what an earlier one left.
//   needs   any verified module
//   leaves  no grad op. Plain calls and composites without a rule that lie between a loss and what it is
//           differentiated for are replaced by their bodies
//
//   %1 = tanh %x                    %1 = tanh %x
//   %2 = reduce_sum %1 {axes=[0]}   %2 = reduce_sum %1 {axes=[0]}
//   %3 = grad %2, %x                %3 = constant {value=1.0}
//   return g=%3                     %4 = broadcast %3 {dims=[],shape=[8]}
//                                   %5 = mul %1, %1
//                                   ...
//                                   return g=%8
//
// With arguments `of=OUTPUT` and `wrt=x,w` and no grad op needed: appends outputs d_x, d_w to the first
// function that returns OUTPUT and takes x and w. Where OUTPUT is no scalar, its cotangent becomes a
// parameter d_OUTPUT.
void differentiate(graph::Module& module, const std::vector<std::string>& arguments = {});

// The same without arguments, and which ops the gradients are computed by.
using OpSet = std::unordered_set<const graph::Op*>;
OpSet expand_grads(graph::Module& module);

// A copy without grad ops.
graph::Module differentiated(const graph::Module& module);

// The gradients for `wrt` of the sum of outputs[i] * cotangents[i], appended to the function that `builder`
// stands in; zeros where a value has no influence. Types of cotangents are those of outputs. Ops between them
// may be replaced, as differentiate() says: the function's outputs are kept right, other values that the
// caller holds may be dead afterwards.
std::vector<graph::Value> backward(graph::Builder& builder, std::vector<graph::Value> outputs,
                                   std::vector<graph::Value> cotangents, std::vector<graph::Value> wrt);

}  // namespace sinter::passes
