#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/loop/program.h"

namespace sinter::vulkan {

// Lane i of a subgroup loads element first + min(i, last) * step; this one is what `lane` has loaded.
struct ShuffledElement {
  loop::Expr first;
  int64_t step = 1, last = 0;
  int64_t lane = 0;
};

// Loads of a kernel whose workgroups are one subgroup that may be spread over its lanes: those of read-only
// f32 buffers that all lanes do alike, where several in a row differ by a constant. A lane loads one of them
// and gives it to the others. That pays where a load takes as long for one element as for a lane.
class ShuffledLoads {
 public:
  // Of a subgroup of `lanes`; none if 0, or if workgroups are not of that size.
  ShuffledLoads(const loop::Stmt& loops, int64_t lanes);

  std::optional<ShuffledElement> find(const loop::ExprNode& load) const;

 private:
  // Statements that run one after the other, in all lanes or in none.
  struct Region;

  void visit(const loop::Stmt& stmt, Region* region);
  void visit(const loop::Expr& x, Region* region);
  void visit_loop(const loop::StmtNode& s, Region* region);
  void in_new_region(const loop::Stmt& stmt, bool is_uniform);
  void spread(const Region& region);
  bool is_uniform(const loop::Expr& x) const;

  int64_t lanes_;
  std::unordered_set<const loop::Variable*> varying_;
  std::unordered_map<const loop::ExprNode*, ShuffledElement> elements_;
  std::unordered_set<const loop::ExprNode*> elsewhere_;  // loads that two regions have
};

}  // namespace sinter::vulkan
