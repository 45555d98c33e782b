#include "passes/options.h"

#include <fmt/format.h>

namespace sinter::passes {

std::string Options::key() const {
  std::string text;
#define SINTER_SWITCH(type, name, initial, affects_code, help) \
  if (affects_code) text += fmt::format("{}={};", #name, name);
  SINTER_SWITCHES(SINTER_SWITCH)
#undef SINTER_SWITCH
  return text;
}

}  // namespace sinter::passes
