#include "passes/schedule/choose.h"

#include "ir/graph/anchor.h"
#include "passes/schedule/schedule.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;

void choose(graph::Function& function, const loop::Target& target) {
  for (const auto& op : function.ops()) {
    if (op->code == OpCode::kernel) choose(*op, target);
  }
}

void choose(Op& kernel, const loop::Target& target) {
  if (is_kernel(kernel, graph::Anchor::together)) {
    for (const auto& part : kernel.body->ops()) {
      if (part->code == OpCode::kernel) choose(*part, target);
    }
  } else if (!kernel.attributes.has("choice")) {
    kernel.attributes.set("choice", print(choices(kernel, target).front()));
  }
}

}  // namespace sinter::passes
