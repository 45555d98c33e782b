#include <algorithm>

#include "passes/schedule/contract/contraction.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/core/workgroup_tile.h"

// The schedule of `contract` for machines whose workgroups have shared memory that is faster than what lies
// behind it. A workgroup makes a tile of the result: runs of rows of lhs and columns of rhs are staged in
// shared memory, and each invocation multiplies into registers. The elementwise work that follows happens
// there. Small contractions stay with the schedule of threads, a register tile an invocation.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

constexpr int64_t kMostTile = 256;

class ContractWorkgroups {
 public:
  ContractWorkgroups(Template& t, const Contraction& contraction, const SharedTile& shared)
      : t_(t), c_(contraction), extent_(shared.extent), chunk_(shared.chunk), tile_(t.loader, shared.lanes) {}

  loop::Kernel run() {
    Loader& loader = t_.loader;
    const int64_t across = tiles(c_.n()), down = tiles(c_.m());
    const int64_t groups = c_.batch().extent() * down * across;
    const auto group = loader.variable("group", groups);
    const Expr g = loop::variable(group);
    const Index b = delinearize(loader.simplify(g / (down * across)), c_.batch().shape, loader.ranges());
    const Expr row = loader.simplify(g / across % down * extent_);
    const Expr column = loader.simplify(g % across * extent_);
    TileProduct p;
    p.grid = tile_.placed(lane_grid(extent_, extent_, tile_.lanes()), "tile");
    p.depth = c_.k();
    p.chunk = chunk_;
    p.sums = local_buffer("sums", c_.type(), p.grid.elements());
    const int64_t size = WorkgroupTile::stage_size(p.chunk, extent_);
    p.left = {[&](const Expr& k, const Expr& i, const Expr& predicate) {
                const Expr inside = predicate && exists(row + i, c_.m());
                return guarded(c_.lhs_at(b, row + i, k, inside), inside);
              },
              extent_, stage("left_stage", size)};
    p.right = {[&](const Expr& k, const Expr& j, const Expr& predicate) {
                 const Expr inside = predicate && exists(column + j, c_.n());
                 return guarded(c_.rhs_at(b, k, column + j, inside), inside);
               },
               extent_, stage("right_stage", size)};
    const Stmt clear = each(p.grid.elements(), [&](int64_t slot) {
      return loop::store(p.sums, loop::integer(slot), loop::constant(0, c_.type()));
    });
    const Stmt finish = each(p.grid.elements(), [&](int64_t slot) {
      Loader::Scope scope(loader);
      const Expr m = row + p.grid.row(slot / p.grid.columns);
      const Expr n = column + p.grid.column(slot % p.grid.columns);
      const Expr inside = exists(m, c_.m()) && exists(n, c_.n());
      loader.bind(c_.result(), loop::load(p.sums, loop::integer(slot)));
      const Tile tile(t_.body, {{c_.result(), c_.result_index(b, m, n)}}, loader.ranges());
      return loop::block({t_.checks(tile, inside), store_tile(loader, tile, t_.stores(), inside)});
    });
    Stmt body = loop::allocate(p.sums, loop::block({clear, tile_.multiply(p), finish}));
    body = tile_.around(body);
    for (const auto& buffer : {p.left.stage, p.right.stage}) body = loop::allocate(buffer, body);
    return t_.finish(loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups), body));
  }

 private:
  int64_t tiles(int64_t extent) const { return ceil_div(extent, extent_); }

  Expr exists(const Expr& index, int64_t extent) const {
    return extent % extent_ == 0 ? nullptr : index < loop::integer(extent);
  }

  Expr guarded(const Expr& x, const Expr& predicate) const {
    const bool is_zero_outside = x->kind == loop::ExprNode::Kind::load;
    if (!predicate || is_zero_outside) return x;
    return loop::select(predicate, x, loop::constant(0, x->type));
  }

  // One for all kernels of a program, as those that run side by side in one share it.
  loop::BufferRef stage(const char* name, int64_t size) const {
    for (const auto& buffer : t_.context.shared) {
      if (buffer->name == name && buffer->type == c_.type() && buffer->size == size) return buffer;
    }
    t_.context.shared.push_back(shared_buffer(name, c_.type(), size));
    return t_.context.shared.back();
  }

  Template& t_;
  const Contraction& c_;
  int64_t extent_, chunk_;  // rows and columns of a tile, and steps of k that are staged at a time
  WorkgroupTile tile_;
};

std::vector<Numbers> workgroups_choices(Template& t) {
  std::vector<Numbers> result;
  for (const auto& [extent, chunk, lanes] : choose_shared_tiles(Contraction(t).problem(), t.target()))
    result.push_back({{"tile", {extent}}, {"chunk", {chunk}}, {"lanes", {lanes}}});
  return result;
}

loop::Kernel emit_workgroups(Template& t, const Choice& choice) {
  const Contraction contraction(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(t.target().has_workgroups(), "the machine has no workgroups");
  SharedTile tile;
  tile.extent = read.number("tile", 1, kMostTile);
  tile.chunk = read.number("chunk", 1, std::max<int64_t>(contraction.k(), 1));
  tile.lanes = read.lanes(t.target().max_workgroup_size);
  const LaneGrid grid = lane_grid(tile.extent, tile.extent, tile.lanes);
  read.require(grid.tile_rows() == tile.extent && grid.tile_columns() == tile.extent,
               "lanes do not divide the tile");
  read.require(fits(tile, contraction.problem(), t.target()), "the tile does not fit the machine's memory");
  read.finish();
  return ContractWorkgroups(t, contraction, tile).run();
}

}  // namespace

constinit const Schedule kContractWorkgroups = {graph::Anchor::contract, "contract.workgroups",
                                                workgroups_choices, emit_workgroups};

}  // namespace sinter::passes
