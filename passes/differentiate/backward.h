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

// " (model.cpp:12, in encoder)" to end a message with; nothing where the location is unknown.
std::string at(const graph::Location& location);

}  // namespace sinter::passes
