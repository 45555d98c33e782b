#pragma once

#include <vector>

#include "backends/reference/kernels.h"

namespace sinter::reference {

// What the op's kernel makes of other operands, its first result, with zeros for constants of its own: what
// moves values moves so what goes with them.
runtime::HostTensor applied(const Invocation& invocation, Kernel kernel,
                            const std::vector<runtime::HostTensor>& in,
                            runtime::DType type = runtime::DType::f64);

}  // namespace sinter::reference
