#include "passes/raise/raise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/error.h"
#include "passes/base/dead_code.h"

namespace sinter::passes {

void raise(graph::Module& module, const std::vector<std::string>& arguments) {
  const bool only_losses = arguments == std::vector<std::string>{"losses"};
  if (!arguments.empty() && !only_losses)
    throw GraphError(
        fmt::format("raise: the only argument is 'losses', got '{}'", fmt::join(arguments, ";")));
  const Effects effects = functions_with_effects(module);
  for (const auto& function : module.functions) {
    if (only_losses) {
      raise_binary_cross_entropy(module, *function);
      continue;
    }
    raise_late_division(module, *function);
    raise_softmax(module, *function);
    raise_binary_cross_entropy(module, *function);
    remove_dead_code(*function, effects);
    raise_attention(module, *function);
    remove_dead_code(*function, effects);
  }
}

}  // namespace sinter::passes
