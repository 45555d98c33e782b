#pragma once

#include <string>

#include "ir/loop/stmt.h"

namespace sinter::passes {

// Memory of one iteration of the parallel loop.
inline loop::BufferRef local_buffer(std::string name, loop::Type type, int64_t size) {
  auto buffer = std::make_shared<loop::Buffer>();
  buffer->name = std::move(name);
  buffer->type = type;
  buffer->size = size;
  buffer->space = loop::Space::local;
  return buffer;
}

}  // namespace sinter::passes
