#pragma once

#include <vector>

#include "passes/differentiate/vjp.h"

namespace sinter::passes {

// Whether an op is a kernel that raise() made, whose gradient is a kernel too.
bool is_attention(const graph::Op& op);

// The gradients of such a kernel, as kernels with the anchor `attention_backward`. Their body is the
// forward's and what differentiating that gives (passes/attention/signature.h says what else they read); the
// forward kernel gets the shift and the total of each row of its softmax as results.
std::vector<graph::Value> attention_vjp(const Vjp& v);

}  // namespace sinter::passes
