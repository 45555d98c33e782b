#pragma once

#include <string>
#include <vector>

#include "ir/loop/stmt.h"
#include "ir/loop/target.h"
#include "passes/schedule/core/context.h"

// What schedules for workgroups share.
namespace sinter::passes {

// Invocations of a workgroup that works together where its work asks for no other number: a power of two.
int64_t workgroup_lanes(const loop::Target& target);

loop::BufferRef shared_buffer(std::string name, loop::Type type, int64_t size);
// One for all kernels of a program, as those that run side by side in one have theirs in the same place.
loop::BufferRef pooled_buffer(ScheduleContext& context, const std::string& name, loop::Type type,
                              int64_t size);

// A statement for each i below `count`.
template <typename Make>
loop::Stmt each(int64_t count, const Make& make) {
  std::vector<loop::Stmt> body;
  for (int64_t i = 0; i < count; ++i) body.push_back(make(i));
  return loop::block(std::move(body));
}

}  // namespace sinter::passes
