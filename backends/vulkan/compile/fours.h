#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

#include "ir/loop/affine.h"
#include "ir/loop/program.h"

namespace sinter::vulkan {

// Element `lane` of the four that begin at 4 * `vector`.
struct FourElement {
  loop::Expr vector;
  int64_t lane = 0;
};

// Which accesses of a kernel may be to four neighbours at once, in f32 buffers, where an index is a multiple
// of four plus a constant. Read-only buffers: loads, where the kernel has uses for more than one of the four.
// Written ones, `with_written`: all that the kernel does with a buffer, where it loads and stores all of each
// four and nothing else.
class Fours {
 public:
  // `moved` as for emit_glsl: what does not begin at its binding's beginning has no fours.
  Fours(const std::vector<loop::BufferRef>& arguments, const loop::Stmt& loops,
        const std::vector<bool>& moved, bool with_written);

  std::optional<FourElement> find(const loop::ExprNode& load) const;
  // Where four statements of a block from `first` on store neighbours: the four.
  std::optional<loop::Expr> stores(const std::vector<loop::Stmt>& block, size_t first) const;
  // Whether there is something to be loaded from the buffer so.
  bool uses(const loop::Buffer& buffer) const { return buffers_.contains(&buffer); }

 private:
  void visit(const loop::Stmt& stmt);
  void visit(const loop::Expr& x);

  std::set<const loop::Buffer*> excluded_;  // moved, or written and accessed otherwise
  // Four neighbours, as a load of their number, and which of them are loaded.
  std::map<loop::Expr, std::set<int64_t>, loop::ExprLess> lanes_;
  std::unordered_set<const loop::ExprNode*> seen_;
  std::set<loop::Expr, loop::ExprLess> groups_;  // that are loaded at once
  std::set<const loop::Buffer*> buffers_;
};

}  // namespace sinter::vulkan
