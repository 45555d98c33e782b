#pragma once

#include <string>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Finds in plain code what a kernel of its own does better.
//   needs   a simplified module, of composites at least `attention` decomposed
//           with the argument `losses`, any module
//   leaves  a softmax spelled by hand (with or without its maximum subtracted, masked before or after exp,
//           divided by its sum before or after the contraction that follows) and the loss of a sigmoid as the
//           composites;
//           contract -> f -> softmax -> g -> contract as one kernel with the anchor `attention`, whose body
//           says what it computes. f is elementwise in the scores, g is linear in the probabilities. A mask
//           or a bias that is computed from indices or from smaller inputs is taken into the body; with
//           `losses`, only the loss, which is for exactness: it is right where a logit is infinite
//
//   %0 = contract %q, %k {dims="hqw,hkw->hqk"}     %0 = kernel %q, %k, %v {anchor="attention", ...} (...) {
//   %1 = exp %0                                      %0 = contract %q, %k {dims="hqw,hkw->hqk"}
//   %2 = reduce_sum %1 {axes=[2]}                    %1 = softmax %0 {axis=2}
//   %3 = broadcast %2 {dims=[0,1],shape=[...]}       %2 = contract %1, %v {dims="hqk,hku->hqu"}
//   %4 = div %1, %3                                  return output0=%2
//   %5 = contract %4, %v {dims="hqk,hku->hqu"}     }
void raise(graph::Module& module, const std::vector<std::string>& arguments = {});

// Its steps, on one function.
void raise_late_division(graph::Module& module, graph::Function& function);
void raise_softmax(graph::Module& module, graph::Function& function);
// softplus(x) - t * x is binary_cross_entropy(x, t), which is right where x is infinite, too.
void raise_binary_cross_entropy(graph::Module& module, graph::Function& function);
void raise_attention(graph::Module& module, graph::Function& function);

// A softmax that contractions stand before and behind, which is in no kernel of attention, and why.
struct Unfused {
  const graph::Op* softmax;
  std::string reason;
};
// What raise() has left of these.
std::vector<Unfused> unfused_attention(const graph::Function& function);

}  // namespace sinter::passes
