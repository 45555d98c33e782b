#pragma once

#include <string_view>

// What reads bytes that someone else has written. Each takes any bytes, and throws only where it is wrong: an
// error for users is a right answer, and what is read and written again is the same.
namespace sinter::fuzz {

#define SINTER_FUZZ_TARGETS(SINTER_FUZZ_TARGET) \
  SINTER_FUZZ_TARGET(graph_text)                \
  SINTER_FUZZ_TARGET(loop_text)                 \
  SINTER_FUZZ_TARGET(safetensors)               \
  SINTER_FUZZ_TARGET(npy)                       \
  SINTER_FUZZ_TARGET(idx)                       \
  SINTER_FUZZ_TARGET(csv)                       \
  SINTER_FUZZ_TARGET(conllu)                    \
  SINTER_FUZZ_TARGET(cache_entry)               \
  SINTER_FUZZ_TARGET(program_file)

#define SINTER_FUZZ_TARGET(name) void name(std::string_view bytes);
SINTER_FUZZ_TARGETS(SINTER_FUZZ_TARGET)
#undef SINTER_FUZZ_TARGET

}  // namespace sinter::fuzz
