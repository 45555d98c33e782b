#pragma once

#include <string>
#include <vector>

#include "passes/schedule/core/context.h"
#include "passes/schedule/core/loader.h"
#include "passes/schedule/core/tile.h"

namespace sinter::passes {

// What every schedule starts from: a kernel's body, buffers for its parameters and outputs, a loader over
// them.
struct Template {
  // With buffers of its own, or those of a kernel that it is part of.
  Template(const graph::Op& kernel, ScheduleContext& context);
  Template(const graph::Op& kernel, ScheduleContext& context, std::vector<loop::BufferRef> inputs,
           std::vector<loop::BufferRef> outputs);

  const graph::Op& kernel;
  const graph::Function& body;
  ScheduleContext& context;
  std::vector<loop::BufferRef> inputs, outputs;
  Loader loader;

  const loop::Target& target() const { return context.target; }
  // Lanes of the natural vector of f32.
  int64_t lanes() const { return context.target.lanes(); }
  // Lanes that elementwise work takes at once.
  int64_t width() const { return context.target.unit_vectors * lanes(); }
  std::vector<TileStore> stores() const;
  loop::Kernel finish(std::vector<loop::Stmt> parts) const;
  loop::Kernel finish(loop::Stmt part) const;

  // A statement for each check in the tile: the fault where it fails.
  loop::Stmt checks(const Tile& tile, const loop::Expr& predicate = nullptr);

 private:
  std::vector<int64_t> sites_;  // by check op, in body order
};

// Where a vector loop stands: the element's index, the lane alone, and a predicate where the vector may be
// cut off.
struct VectorPoint {
  loop::Expr index, lane, predicate;
};
using VectorBody = std::function<loop::Stmt(const VectorPoint& at)>;

// for index = 0 .. extent-1 in vectors of `lanes`, the last one guarded.
loop::Stmt vector_loop(Loader& loader, const std::string& name, int64_t extent, int64_t lanes,
                       const VectorBody& body);

// The same, spread over threads in units of `vectors` vectors.
loop::Stmt parallel_vector_loop(Loader& loader, const std::string& name, int64_t extent, int64_t lanes,
                                int64_t vectors, const VectorBody& body);

}  // namespace sinter::passes
