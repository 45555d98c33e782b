#include "passes/schedule/core/workgroup.h"

#include <algorithm>

#include "passes/schedule/core/local.h"

namespace sinter::passes {

int64_t workgroup_lanes(const loop::Target& target) {
  constexpr int64_t kMostLanes = 64;  // two subgroups or more on most machines
  int64_t lanes = kMostLanes;
  while (lanes > target.max_workgroup_size) lanes /= 2;
  return lanes;
}

loop::BufferRef shared_buffer(std::string name, loop::Type type, int64_t size) {
  return buffer_in(loop::Space::shared, std::move(name), type, size);
}

loop::BufferRef pooled_buffer(ScheduleContext& context, const std::string& name, loop::Type type,
                              int64_t size) {
  const auto same = std::ranges::find_if(context.shared, [&](const loop::BufferRef& other) {
    return other->name == name && other->type == type && other->size == size;
  });
  if (same != context.shared.end()) return *same;
  return context.shared.emplace_back(shared_buffer(name, type, size));
}

}  // namespace sinter::passes
