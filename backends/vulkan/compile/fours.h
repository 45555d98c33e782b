#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
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

// Which buffers a shader may see by four.
enum class FourViews : uint8_t {
  of_reads,   // those that it only reads
  exclusive,  // and written ones whose fours are all that it loads and stores
  both,  // and written ones that it does not read, whose elements it may also store one by one; and shared
         // memory, whose elements are then parts of a four
};

// Which accesses of a kernel may be to four neighbours at once, in f32 buffers, where an index is a multiple
// of four plus a constant: loads, where the kernel has uses for more than one of the four, and stores of all
// four.
class Fours {
 public:
  // `moved` as for emit_glsl: what does not begin at its binding's beginning has no fours.
  Fours(const std::vector<loop::BufferRef>& arguments, const loop::Stmt& loops,
        const std::vector<bool>& moved, FourViews views);

  std::optional<FourElement> find(const loop::ExprNode& load) const;
  // The same of any index of shared memory that is seen by four.
  std::optional<FourElement> find(const loop::Buffer& shared, const loop::Expr& index) const;
  // Where four statements of a block from `first` on store neighbours: the four.
  std::optional<loop::Expr> stores(const std::vector<loop::Stmt>& block, size_t first) const;
  // What stands for a quarter of the variable in the elements that are found; null where it is no multiple.
  loop::VariableRef quarter_of(const loop::Variable& variable) const;
  // Whether there is something to be loaded from the buffer so, or stored.
  bool uses(const loop::Buffer& buffer) const { return buffers_.contains(&buffer); }

 private:
  // rest + constant, where rest is a multiple of four.
  struct Place {
    loop::Expr rest;
    int64_t constant = 0;

    loop::Expr group(const loop::BufferRef& buffer) const { return loop::load(buffer, rest + constant / 4); }
  };

  void visit(const loop::Stmt& stmt);
  void visit(const loop::Expr& x);
  bool is_multiple_of_four(const loop::Expr& x) const;
  loop::Expr vector_of(const Place& place) const;
  loop::Expr quarter(const loop::Expr& x) const;
  bool is_candidate(const loop::Buffer& buffer) const;
  std::optional<Place> place_of(const loop::Buffer& buffer, const loop::Expr& index) const;
  std::optional<Place> place_of(const loop::ExprNode& load) const;
  std::optional<loop::Expr> stored(const std::vector<loop::Stmt>& block, size_t first) const;

  FourViews views_;
  std::set<const loop::Buffer*> excluded_;  // moved, or written and accessed otherwise
  // Four neighbours, as a load of their number, and which of them are loaded.
  std::map<loop::Expr, std::set<int64_t>, loop::ExprLess> lanes_;
  std::unordered_set<const loop::ExprNode*> seen_;
  std::set<loop::Expr, loop::ExprLess> groups_;  // that are loaded at once
  std::set<const loop::Buffer*> buffers_;
  std::set<const loop::Buffer*> loaded_, stored_;  // loaded at all, stored to by four
  // Variables that are bound to multiples of four, and others for a quarter of them.
  std::unordered_map<const loop::Variable*, loop::VariableRef> quarters_;
};

}  // namespace sinter::vulkan
