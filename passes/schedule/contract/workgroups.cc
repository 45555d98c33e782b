#include <algorithm>

#include "passes/schedule/contract/contraction.h"
#include "passes/schedule/core/local.h"
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

constexpr int64_t kLeast = 16;           // rows, columns and steps below which staging does not pay
constexpr int64_t kManyWorkgroups = 64;  // that keep a machine busy
constexpr int64_t kChunk = 16;

class ContractWorkgroups {
 public:
  ContractWorkgroups(Template& t, const Contraction& contraction)
      : t_(t), c_(contraction), tile_(t.loader, workgroup_lanes(t.target())) {
    // The largest tile of which there are many; the smallest where of none.
    for (extent_ = 64; extent_ > 16; extent_ /= 2) {
      if (fits(extent_) && tiles(c_.m()) * tiles(c_.n()) * c_.batch().extent() >= kManyWorkgroups) break;
    }
  }

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
    p.chunk = chunk();
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
  int64_t tiles(int64_t extent) const { return (extent + extent_ - 1) / extent_; }
  int64_t chunk() const { return std::min(kChunk, c_.k()); }

  bool fits(int64_t extent) const {
    const int64_t size = loop::size_in_bytes(c_.type());
    const int64_t elements = 2 * WorkgroupTile::stage_size(chunk(), extent);
    return elements * size <= t_.target().shared_bytes &&
           extent * extent / tile_.lanes() * size <= t_.target().local_bytes / 2;
  }

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
  WorkgroupTile tile_;
  int64_t extent_ = 16;  // rows and columns of a tile
};

}  // namespace

loop::Kernel schedule_contract_workgroups(Template& t) {
  const Contraction c(t);
  const bool pays = t.target().has_fast_shared() && std::min({c.m(), c.n(), c.k()}) >= kLeast;
  return pays && c.batch().extent() > 0 ? ContractWorkgroups(t, c).run() : schedule_contract(t);
}

}  // namespace sinter::passes
