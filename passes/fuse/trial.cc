#include "passes/fuse/trial.h"

#include <algorithm>

#include "ir/loop/iterations.h"
#include "passes/base/alone.h"
#include "passes/base/costs.h"
#include "passes/fuse/group.h"
#include "passes/fuse/guard.h"
#include "passes/fuse/legalize.h"
#include "passes/schedule/choose.h"
#include "passes/schedule/schedule.h"
#include "passes/to_workgroups/to_workgroups.h"

namespace sinter::passes {

using graph::Op;

Trial try_out(const Op& op, const graph::ValueMap<int>& uses, const loop::Target& target) {
  loop::Target unlimited = target;
  unlimited.max_buffers = loop::Target().max_buffers;
  unlimited.max_iterations = loop::Target().max_iterations;
  graph::Module module = alone("f", {&op}, [&](size_t result) {
    return uses.at({const_cast<Op*>(&op), static_cast<int>(result)}) > 0;
  });
  if (module.functions[0]->outputs.empty()) return {};
  legalize(module, *module.functions[0]);
  guard(*module.functions[0]);
  group(module, {}, unlimited);
  choose(*module.functions[0], unlimited);
  const loop::Program program = schedule(module, *module.functions[0], unlimited);
  Trial trial;
  for (const loop::Kernel& kernel : program.kernels) {
    trial.buffers = std::max(trial.buffers, static_cast<int64_t>(kernel.arguments.size()));
    trial.iterations = std::max(trial.iterations, loop::most_iterations(to_workgroups(kernel, target)));
  }
  if (op.body != nullptr && reads_call(op)) ++trial.buffers;
  return trial;
}

}  // namespace sinter::passes
