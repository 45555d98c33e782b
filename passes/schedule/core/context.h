#pragma once

#include <string>
#include <vector>

#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// What schedules share while a program is built.
struct ScheduleContext {
  const loop::Target& target;
  std::vector<loop::FaultSite>& faults;
  // Shared memory that schedules for workgroups stage operands in.
  std::vector<loop::BufferRef> shared = {};
};

// Writes what tells a kernel op from others with the same loops: its name, the ops in it and where they were
// made, why they are apart.
void describe(const graph::Op& kernel, loop::Kernel& result);

}  // namespace sinter::passes
