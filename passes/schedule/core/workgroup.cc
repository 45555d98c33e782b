#include "passes/schedule/core/workgroup.h"

namespace sinter::passes {

int64_t workgroup_lanes(const loop::Target& target) {
  constexpr int64_t kMostLanes = 64;  // two subgroups or more on most machines
  int64_t lanes = kMostLanes;
  while (lanes > target.max_workgroup_size) lanes /= 2;
  return lanes;
}

loop::BufferRef shared_buffer(std::string name, loop::Type type, int64_t size) {
  auto buffer = std::make_shared<loop::Buffer>();
  buffer->name = std::move(name);
  buffer->type = type;
  buffer->size = size;
  buffer->space = loop::Space::shared;
  return buffer;
}

}  // namespace sinter::passes
