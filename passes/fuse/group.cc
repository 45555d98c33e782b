#include "passes/fuse/group.h"

#include <algorithm>

#include "passes/base/dead_code.h"
#include "passes/fuse/consumer_side.h"
#include "passes/fuse/kernels.h"
#include "passes/fuse/producer_side.h"

namespace sinter::passes {

void group(graph::Module& module, const Arguments& arguments, const loop::Target& target) {
  Arguments limits = arguments;
  const bool joins = std::erase(limits, "off") == 0;
  const loop::Target within = limited("group", limits, target, {"off", "buffers=", "iterations="});
  const Effects effects = functions_with_effects(module);
  for (const auto& function : module.functions) {
    remove_dead_code(*function, effects);
    Groups groups(*function);
    if (joins) {
      producer_side(groups, within);
      consumer_side(groups, within);
    } else {
      keep_apart(groups);
    }
    build_kernels(groups);
  }
}

}  // namespace sinter::passes
