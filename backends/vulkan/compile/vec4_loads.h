#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "ir/loop/program.h"

namespace sinter::vulkan {

// Element `lane` of the four that begin at 4 * `vector`.
struct Vec4Element {
  loop::Expr vector;
  int64_t lane = 0;
};

// Which loads of a kernel may read four neighbours at once: those of read-only f32 buffers whose index is a
// multiple of four plus a constant, where the kernel has uses for more than one of the four.
class Vec4Loads {
 public:
  explicit Vec4Loads(const loop::Kernel& kernel);

  std::optional<Vec4Element> find(const loop::ExprNode& load) const;
  bool uses(const loop::Buffer& buffer) const { return buffers_.contains(&buffer); }

 private:
  std::set<std::string> groups_;  // of which more than one element is used
  std::set<const loop::Buffer*> buffers_;
};

}  // namespace sinter::vulkan
