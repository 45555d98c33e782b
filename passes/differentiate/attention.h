#pragma once

#include <vector>

#include "passes/differentiate/vjp.h"

namespace sinter::passes {

// Whether an op is a kernel that raise() made, whose gradient is a kernel too.
bool is_attention(const graph::Op& op);

// The gradients of such a kernel, as kernels with the anchor `attention_backward`. Their body is the
// forward's and what differentiating that gives, with outputs named d0, d1, ... for the operands they belong
// to. Parameters: those of the forward body, then four that are at hand and spare work: its result, the shift
// and the sum of each row of its softmax (two results that the forward kernel gets here; together they are
// the log-sum-exp, which in one float would lose the sum beside a shift of -1e9), and the cotangent.
std::vector<graph::Value> attention_vjp(const Vjp& v);

}  // namespace sinter::passes
