#pragma once

#include <string>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Replaces composites by their definitions, down to primitives, which keep the location of the composite.
//   needs   any verified module
//   leaves  no composite but those named in the arguments: decompose(attention;softmax) keeps these two,
//           decompose(only;attention) keeps all others
//
//   %0 = silu %x        %0 = constant {value=0.0}
//                       %1 = less %x, %0
//                       ...
//                       %9 = mul %x, %8
void decompose(graph::Module& module, const std::vector<std::string>& arguments = {});

}  // namespace sinter::passes
