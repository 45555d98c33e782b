#include "examples/attention_classifier/conllu.h"

#include <stdexcept>

#include "runtime/error.h"
#include "tests/fuzz/targets/memory_file.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {

void conllu(std::string_view bytes) {
  static MemoryFile file;
  file.put(bytes);
  try {
    for (const auto& sentence : attention_classifier::read_conllu(file.path())) {
      for (const auto& word : sentence) {
        if (word.text.empty()) throw std::logic_error("an empty word");
      }
    }
  } catch (const RuntimeError&) {
  }
}

}  // namespace sinter::fuzz
