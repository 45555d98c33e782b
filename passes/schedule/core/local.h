#pragma once

#include <string>
#include <utility>

#include "ir/loop/stmt.h"

namespace sinter::passes {

inline loop::BufferRef buffer_in(loop::Space space, std::string name, loop::Type type, int64_t size) {
  auto buffer = std::make_shared<loop::Buffer>();
  buffer->name = std::move(name);
  buffer->type = type;
  buffer->size = size;
  buffer->space = space;
  return buffer;
}

// Memory of one iteration of the parallel loop.
inline loop::BufferRef local_buffer(std::string name, loop::Type type, int64_t size) {
  return buffer_in(loop::Space::local, std::move(name), type, size);
}

}  // namespace sinter::passes
