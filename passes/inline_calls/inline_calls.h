#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Replaces calls by the body of what they call.
//   needs   any verified module
//   leaves  no call, except those with `checkpoint` or `vjp`, which are for `differentiate` to read;
//           with the argument `all`, no call, and no read behind a write of the same state;
//           with the argument `kernels`, no kernel, which calls its body
//
//   func @twice(%x) { %0 = add %x, %x  return y=%0 }
//   %1 = call %a {function="twice"}                      %1 = add %a, %a
void inline_calls(graph::Module& module, const std::vector<std::string>& arguments = {});

// Appends what `callee` does with `operands` to `to`, and returns its outputs there.
std::vector<graph::Value> inline_function(graph::Function& to, const graph::Function& callee,
                                          std::span<const graph::Value> operands);

// Gives what a `grad` is with respect to a value of its own where a call, a composite or a kernel makes it,
// whose definition may hand an operand through: what reads the operand does not read the result.
//
//   %1 = call %a {function="same"}                       %1 = call %a {function="same"}
//   %2 = grad %loss, %1                                  %2 = reshape %1
//                                                        %3 = grad %loss, %2
void keep_leaves_apart(graph::Function& function);

}  // namespace sinter::passes
