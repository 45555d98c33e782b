#pragma once

#include <optional>
#include <vector>

#include "ir/graph/builder.h"

namespace sinter::passes {

// The operands of a kernel of attention among `wanted` that its result depends on.
std::vector<bool> leading_operands(const graph::Op& kernel, std::vector<bool> wanted);

// A kernel of attention makes the gradient of what it reads element by element where each place of the scores
// reads its own (AttentionAxes). Where an operand in `wanted` is read otherwise, at i/4 or i%4 of an axis or
// in two ways, the result is that of a kernel that reads a view of it, made before, with an element for each
// place: what is differentiated then adds up behind.
//
//   kernel %q, %k, %v, %b {anchor="attention"}      %1 = broadcast %b {dims=[1,2], shape=[2,3,8]}
//     ... b at (h%3, key) ...                       %2 = reshape %1 {shape=[6,1,8]}
//                                                   kernel %q, %k, %v, %2 {anchor="attention"}
//                                                     ... %2 at (h, 0, key) ...
//
// Where that is not enough, the results are those of the ops of the body. Nothing where the kernel is fine as
// it is.
std::optional<std::vector<graph::Value>> with_own_elements(graph::Builder& builder, const graph::Op& kernel,
                                                           const std::vector<bool>& wanted);

}  // namespace sinter::passes
