#pragma once

#include "ir/graph/builder.h"

namespace sinter::passes {

// `fold` by views and at most one sum, which a loop makes. Where no element lies in two windows there is
// nothing to sum.
graph::Value without_fold(graph::Builder& b, const graph::Op& fold);

// Whether an element of the result comes from one window at most.
bool windows_are_apart(const graph::Op& fold);

}  // namespace sinter::passes
