#include "passes/raise/raise.h"

#include "ir/error.h"
#include "passes/simplify/dead_code.h"

namespace sinter::passes {

void raise(graph::Module& module, const std::vector<std::string>& arguments) {
  if (!arguments.empty()) throw GraphError("raise: takes no argument");
  const Effects effects = functions_with_effects(module);
  for (const auto& function : module.functions) {
    raise_late_division(module, *function);
    raise_softmax(module, *function);
    raise_binary_cross_entropy(module, *function);
    remove_dead_code(*function, effects);
    raise_attention(module, *function);
    remove_dead_code(*function, effects);
  }
}

}  // namespace sinter::passes
