#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/library.h"
#include "ir/loop/program.h"

namespace sinter::cpu {

// What a header says of a library besides its functions.
struct HeaderFacts {
  std::string machine;                // "x86-64-v3"
  std::vector<uint64_t> arena_bytes;  // by entry
  uint64_t thread_bytes = 0;          // of the arena, for each thread besides
  uint64_t stack_bytes = 0;
  uint64_t state_bytes = 0;
  uint64_t interface = 0;               // tells this header from others
  std::vector<std::string> needs = {};  // symbols that the code leaves open
};

// Throws GraphError where a function has a name that the header needs itself.
void check_names(const backends::Library& library);

// The header of a library in C11 that C++ takes as well. `programs`: what the library's entries became.
std::string c_header(const backends::Library& library, const std::vector<loop::Program>& programs,
                     const HeaderFacts& facts);

}  // namespace sinter::cpu
