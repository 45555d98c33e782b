#pragma once

#include <string>
#include <vector>

#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

// backward() of differentiate.h, saying in `replacements` what became of the ops it replaced.
std::vector<graph::Value> backward(graph::Builder& builder, std::vector<graph::Value> outputs,
                                   std::vector<graph::Value> cotangents, std::vector<graph::Value> wrt,
                                   Replacements& replacements);

}  // namespace sinter::passes
