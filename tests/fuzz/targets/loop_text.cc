#include <stdexcept>

#include "ir/error.h"
#include "ir/loop/text/text.h"
#include "tests/fuzz/targets/targets.h"

namespace sinter::fuzz {
namespace {

std::string printed(const std::vector<loop::Program>& programs) {
  std::string text;
  for (const loop::Program& program : programs) text += loop::print(program);
  return text;
}

}  // namespace

// Parsed programs are verified; they print as text that reads back the same.
void loop_text(std::string_view bytes) {
  std::string text;
  try {
    text = printed(loop::parse(bytes));
  } catch (const GraphError&) {
    return;
  }
  if (printed(loop::parse(text)) != text) throw std::logic_error("reads back as other loops");
}

}  // namespace sinter::fuzz
