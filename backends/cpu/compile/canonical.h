#pragma once

#include <string>

#include "ir/loop/program.h"

namespace sinter::cpu {

// Bytes that are equal for kernels that do the same, whatever they and their variables and buffers are
// called.
std::string canonical_text(const loop::Kernel& kernel);

}  // namespace sinter::cpu
