#pragma once

#include <string_view>

#include "backends/backend.h"
#include "ir/graph/graph.h"
#include "passes/options.h"

namespace sinter {

// Throws GraphError where something of the function falls back on the device (passes/explain/fallbacks.h), or
// is executed on the host, op by op:
//   strict: of 'train' 1 falls back:
//     attention is no kernel of its own: softmax (model.cc:42, in layers.0): its probabilities are used
//     elsewhere, too: by reduce_sum (model.cc:50)
void require_strict(const graph::Module& module, std::string_view function, const backends::Device& device,
                    const passes::Options& options);

}  // namespace sinter
