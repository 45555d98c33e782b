#pragma once

#include "backends/backend.h"

namespace sinter::cpu {

// "cpu": loops compiled by LLVM for this machine, on all cores that this process may use.
const backends::Backend& backend();

}  // namespace sinter::cpu
