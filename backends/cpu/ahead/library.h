#pragma once

#include <vector>

#include "backends/cpu/compile/machine.h"
#include "backends/library.h"

namespace sinter::cpu {

// An object file with all code of the library, and its header in C: ".o" and ".h".
std::vector<backends::LibraryFile> compile_library(const backends::Library& library, const Machine& machine);

}  // namespace sinter::cpu
