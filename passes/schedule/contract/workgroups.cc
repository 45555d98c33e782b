#include <algorithm>

#include "ir/integers.h"
#include "passes/schedule/contract/contraction.h"
#include "passes/schedule/contract/staged_operand.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/core/workgroup.h"

// The schedule of `contract` for machines whose workgroups have shared memory that is faster than what lies
// behind it. A workgroup makes a tile of the result: chunks of rows of lhs and columns of rhs are staged in
// shared memory (staged_operand.h), and each invocation multiplies into registers. The elementwise work that
// follows happens there. Small contractions stay with the schedule of threads, a register tile an invocation.
//
//   workgroup for tile
//     lane
//       fetch the first chunk
//       for chunk
//         put what is fetched to shared memory; barrier
//         fetch the next chunk
//         sums += rows * columns of this one
//       results, from the sums
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

constexpr int64_t kMostTile = 256;
// Multiply-adds of a lane that are unrolled, which a driver takes long to compile, and steps.
constexpr int64_t kMostProducts = 1024, kLeastUnrolled = 4;
constexpr double kLongFinish = 128;  // of a lane, in ContractProblem's cycles

class ContractWorkgroups {
 public:
  ContractWorkgroups(Template& t, const Contraction& contraction, const SharedTile& tile)
      : t_(t),
        c_(contraction),
        tile_(tile),
        lane_variable_(t.loader.variable("lane", tile.lanes())),
        sums_(local_buffer("sums", contraction.type(), tile.sums())) {}

  loop::Kernel run() {
    const int64_t across = ceil_div(c_.n(), tile_.columns), down = ceil_div(c_.m(), tile_.rows);
    const int64_t groups = c_.batch().extent() * down * across;
    const auto group = loader().variable("group", groups);
    const Expr g = loop::variable(group);
    b_ = delinearize(loader().simplify(g / (down * across)), c_.batch().shape, loader().ranges());
    row_ = named("row", loader().simplify(g / across % down * tile_.rows), down * tile_.rows);
    column_ = named("column", loader().simplify(g % across * tile_.columns), across * tile_.columns);
    place_lanes();
    const StagedOperand left = staged_lhs(), right = staged_rhs();
    const Stmt clear = each(tile_.sums(), [&](int64_t slot) {
      return loop::store(sums_, loop::integer(slot), loop::constant(0, c_.type()));
    });
    Stmt body = loop::block({clear, loop::block({left.fetch_first(), right.fetch_first()}),
                             for_chunks(left, right), tile_.slices == 1 ? finish() : finish_slices()});
    body = right.around(left.around(loop::allocate(sums_, body)));
    for (size_t i = lets_.size(); i-- > 0;) body = loop::let(lets_[i].first, lets_[i].second, body);
    body = loop::loop(LoopKind::lane, lane_variable_, loop::integer(0), loop::integer(tile_.lanes()), body);
    for (const auto& buffer : stages_) body = loop::allocate(buffer, body);
    return t_.finish(loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups), body));
  }

 private:
  Loader& loader() const { return t_.loader; }
  int64_t first_steps() const { return c_.k() % tile_.chunk == 0 ? tile_.chunk : c_.k() % tile_.chunk; }

  Expr named(const char* name, const Expr& value, int64_t end) {
    if (loop::as_integer(value)) return value;
    const auto variable = loader().variable(name, end);
    lets_.emplace_back(variable, value);
    return loop::variable(variable);
  }

  // Lanes fall into blocks of 4 x 8, in which they alternate between rows and columns: those that read shared
  // memory together read few places of either operand.
  void place_lanes() {
    const Expr lane = loader().simplify(loop::variable(lane_variable_) % tile_.grid());
    const int64_t across = tile_.column_lanes() / 8;
    const Expr block = lane / 32, in_block = lane % 32;
    const Expr down = block / across * 4 + in_block / 16 * 2 + in_block % 2;
    const Expr along = block % across * 8 + in_block / 2 % 8;
    lane_row_ = named("lane_row", loader().simplify(down * 4), 4 * tile_.row_lanes());
    lane_column_ = named("lane_column", loader().simplify(along * 4), 4 * tile_.column_lanes());
    slice_ = named("slice", loader().simplify(loop::variable(lane_variable_) / tile_.grid()), tile_.slices);
    // Of the slice's first step.
    const int64_t steps = tile_.chunk / tile_.slices;
    const auto place = [&](const char* name, const Expr& own, int64_t extent) {
      const Expr at = loader().simplify(slice_ * (steps * SharedTile::line(extent)) + own);
      return tile_.slices == 1 ? own : named(name, at, tile_.stage_elements(extent));
    };
    left_at_ = place("left_at", lane_row_, tile_.rows);
    right_at_ = place("right_at", lane_column_, tile_.columns);
  }

  // Of a lane's rows, in fours that lie apart, from its first on.
  int64_t row_offset(int64_t i) const { return i / 4 * 4 * tile_.row_lanes() + i % 4; }
  int64_t column_offset(int64_t j) const { return j / 4 * 4 * tile_.column_lanes() + j % 4; }

  StagedOperand staged_lhs() {
    const auto element = [this](const Expr& own, const Expr& k, const Expr& predicate) {
      return guarded(c_.lhs_at(b_, own, k, predicate), predicate);
    };
    const auto place = [this](const Expr& own, const Expr& k) { return c_.place_of(c_.lhs(), b_, own, k); };
    return {loader(),
            {"lhs", c_.lhs(), c_.m(), row_, tile_.rows, first_steps(), element, place},
            tile_,
            loop::variable(lane_variable_),
            stage("left_stage", tile_.rows)};
  }

  StagedOperand staged_rhs() {
    const auto element = [this](const Expr& own, const Expr& k, const Expr& predicate) {
      return guarded(c_.rhs_at(b_, k, own, predicate), predicate);
    };
    const auto place = [this](const Expr& own, const Expr& k) { return c_.place_of(c_.rhs(), b_, own, k); };
    return {loader(),
            {"rhs", c_.rhs(), c_.n(), column_, tile_.columns, first_steps(), element, place},
            tile_,
            loop::variable(lane_variable_),
            stage("right_stage", tile_.columns)};
  }

  static Expr guarded(const Expr& x, const Expr& predicate) {
    const bool is_zero_outside = x->kind == loop::ExprNode::Kind::load && x->args.size() > 1;
    if (!predicate || is_zero_outside) return x;
    return loop::select(predicate, x, loop::constant(0, x->type));
  }

  Stmt for_chunks(const StagedOperand& left, const StagedOperand& right) {
    const int64_t chunks = 1 + (c_.k() - first_steps()) / tile_.chunk;
    const auto number = loader().variable("chunk", chunks);
    const Expr chunk = loop::variable(number);
    std::vector<Stmt> body;
    const bool alternates = tile_.stages > 1 && chunks > 1;
    const Expr half = alternates ? loader().simplify(chunk % 2) : nullptr;
    const auto begin = [&](const SharedTile& tile, int64_t extent) {
      return half ? half * (tile.chunk * SharedTile::line(extent)) : nullptr;
    };
    const Expr left_half = begin(tile_, tile_.rows), right_half = begin(tile_, tile_.columns);
    body.push_back(loop::block({left.put(left_half), right.put(right_half)}));
    body.push_back(loop::barrier());
    if (chunks > 1) {
      const auto ahead = loader().variable("ahead", chunks - 1);
      const Stmt fetch =
          loop::block({left.fetch_after(loop::variable(ahead)), right.fetch_after(loop::variable(ahead))});
      body.push_back(loop::branch(chunk < loop::integer(chunks - 1), loop::let(ahead, chunk, fetch)));
    }
    body.push_back(multiply(left, right, left_half, right_half));
    if (!alternates && chunks > 1) body.push_back(loop::barrier());
    return loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(chunks),
                      loop::block(std::move(body)));
  }

  Stmt multiply(const StagedOperand& left, const StagedOperand& right, const Expr& left_half,
                const Expr& right_half) {
    Loader::Scope scope(loader());
    const int64_t steps = tile_.chunk / tile_.slices;
    const int64_t at_once = std::min(steps, std::max(kLeastUnrolled, kMostProducts / tile_.sums()));
    const auto some = loader().variable("some", steps / at_once), step = loader().variable("t", at_once);
    const Expr t = loader().simplify(loop::variable(some) * at_once + loop::variable(step));
    std::vector<std::pair<loop::VariableRef, Expr>> lets;
    const auto value = [&](const char* name, const Expr& x) {
      lets.emplace_back(loop::make_variable(name, x->type), x);
      return loop::variable(lets.back().first);
    };
    std::vector<Expr> rows, columns;
    for (int64_t i = 0; i < tile_.lane_rows; ++i)
      rows.push_back(value("left", left.at(left_half, t, left_at_, row_offset(i))));
    for (int64_t j = 0; j < tile_.lane_columns; ++j)
      columns.push_back(value("right", right.at(right_half, t, right_at_, column_offset(j))));
    Stmt products = each(tile_.sums(), [&](int64_t slot) {
      const Expr& x = rows[static_cast<size_t>(slot / tile_.lane_columns)];
      const Expr& y = columns[static_cast<size_t>(slot % tile_.lane_columns)];
      const Expr sum = loop::load(sums_, loop::integer(slot));
      const Expr next = loop::is_floating(c_.type()) ? loop::apply(ScalarOp::fma, {x, y, sum}) : sum + x * y;
      return loop::store(sums_, loop::integer(slot), next);
    });
    for (size_t i = lets.size(); i-- > 0;) products = loop::let(lets[i].first, lets[i].second, products);
    products = loop::loop(LoopKind::unrolled, step, loop::integer(0), loop::integer(at_once), products);
    return loop::loop(LoopKind::serial, some, loop::integer(0), loop::integer(steps / at_once), products);
  }

  // A lane's results, four columns at a time. Where what follows is long, row by row in a loop, from a copy
  // of the sums, which then may lie in memory: a driver takes long over the code of all.
  Stmt finish() {
    if (c_.problem().epilogue_cycles * static_cast<double>(tile_.sums()) < kLongFinish)
      return finish_from(sums_, LoopKind::unrolled);
    const loop::BufferRef kept = local_buffer("kept", c_.type(), tile_.sums());
    const Stmt keep = each(tile_.sums(), [&](int64_t slot) {
      return loop::store(kept, loop::integer(slot), loop::load(sums_, loop::integer(slot)));
    });
    return loop::allocate(kept, loop::block({keep, finish_from(kept, LoopKind::serial)}));
  }

  Stmt finish_from(const loop::BufferRef& sums, LoopKind by_row) {
    Loader::Scope scope(loader());
    const auto rows = loader().variable("row_four", tile_.lane_rows / 4), row = loader().variable("i", 4);
    const auto columns = loader().variable("column_four", tile_.lane_columns / 4);
    const Expr i = loop::variable(rows), j = loop::variable(columns);
    const Expr m = row_ + (lane_row_ + i * (4 * tile_.row_lanes()) + loop::variable(row));
    const Expr first = column_ + (lane_column_ + j * (4 * tile_.column_lanes()));
    const Expr slot = (i * 4 + loop::variable(row)) * tile_.lane_columns + j * 4;
    Stmt body = four_results(m, first, sums, slot);
    body = unrolled(columns, tile_.lane_columns / 4, body);
    body = loop::loop(by_row, row, loop::integer(0), loop::integer(4), body);
    return loop::loop(by_row, rows, loop::integer(0), loop::integer(tile_.lane_rows / 4), body);
  }

  // The same where each slice has a part of the sums: some rows of all lanes at a time they go to shared
  // memory, and the slices share the work of adding them up, and all that follows.
  Stmt finish_slices() {
    const int64_t at_once = tile_.rows_at_once(), across = tile_.lane_columns / 4;
    const int64_t fours = at_once * across, slices = tile_.slices;
    const Expr lane = loader().simplify(loop::variable(lane_variable_) % tile_.grid() * 4);
    const auto place = [&](const Expr& slice, const Expr& four) {
      return (slice * fours + four) * (4 * tile_.grid()) + lane;
    };
    const loop::BufferRef& shared = stages_.back();
    const loop::BufferRef total = local_buffer("total", c_.type(), 4);
    std::vector<Stmt> body;
    for (int64_t first_row = 0; first_row < tile_.lane_rows; first_row += at_once) {
      Loader::Scope scope(loader());
      body.push_back(loop::barrier());
      body.push_back(each(4 * fours, [&](int64_t e) {
        const Expr at = place(slice_, loop::integer(e / 4)) + e % 4;
        return loop::store(shared, at, loop::load(sums_, loop::integer(first_row * tile_.lane_columns + e)));
      }));
      body.push_back(loop::barrier());
      const int64_t turns = ceil_div(fours, slices);
      const auto turn = loader().variable("turn", turns);
      const auto variable = loader().variable("four", fours);
      const Expr four = loop::variable(variable), row = four / across + first_row;
      const Expr m = row_ + (lane_row_ + row / 4 * (4 * tile_.row_lanes()) + row % 4);
      const Expr n = column_ + (lane_column_ + four % across * (4 * tile_.column_lanes()));
      const Stmt add = each(4, [&](int64_t e) {
        Expr sum = loop::load(shared, place(loop::integer(0), four) + e);
        for (int64_t slice = 1; slice < slices; ++slice)
          sum = sum + loop::load(shared, place(loop::integer(slice), four) + e);
        return loop::store(total, loop::integer(e), sum);
      });
      Stmt results = loop::block({add, four_results(m, n, total, loop::integer(0))});
      results = loop::let(variable, slice_ + loop::variable(turn) * slices, results);
      if (fours < slices) results = loop::branch(slice_ < loop::integer(fours), results);
      body.push_back(unrolled(turn, turns, results));
    }
    return loop::allocate(total, loop::block(std::move(body)));
  }

  static Stmt unrolled(const loop::VariableRef& variable, int64_t extent, const Stmt& body) {
    return loop::loop(LoopKind::unrolled, variable, loop::integer(0), loop::integer(extent), body);
  }

  // Of row m, from column `first` on, whose sums are four of a buffer.
  Stmt four_results(const Expr& m, const Expr& first, const loop::BufferRef& sums, const Expr& slot) {
    Loader::Scope scope(loader());
    const auto column = loader().variable("j", 4);
    const Expr n = first + loop::variable(column);
    const bool by_four = c_.n() % 4 == 0;
    const Expr has_row = exists(m, c_.m(), tile_.rows);
    const Expr has_column = exists(by_four ? first : n, c_.n(), tile_.columns);
    const Expr predicate = by_four ? nullptr : has_column;
    loader().bind(c_.result(), loop::load(sums, slot + loop::variable(column)));
    const Tile results(t_.body, {{c_.result(), c_.result_index(b_, m, n)}}, loader().ranges());
    Stmt body =
        loop::block({t_.checks(results, predicate), store_tile(loader(), results, t_.stores(), predicate)});
    // One column has one place for all of a vector's lanes.
    const LoopKind kind = c_.n() == 1 ? LoopKind::unrolled : LoopKind::vector;
    body = loop::loop(kind, column, loop::integer(0), loop::integer(4), body);
    const Expr is_inside = has_row && (by_four ? has_column : nullptr);
    return is_inside ? loop::branch(is_inside, body) : body;
  }

  // Null where no tile reaches beyond the last.
  static Expr exists(const Expr& index, int64_t extent, int64_t tile) {
    return extent % tile == 0 ? nullptr : index < loop::integer(extent);
  }

  loop::BufferRef stage(const char* name, int64_t extent) {
    stages_.push_back(pooled_buffer(t_.context, name, c_.type(), tile_.stage_elements(extent)));
    return stages_.back();
  }

  Template& t_;
  const Contraction& c_;
  const SharedTile tile_;
  loop::VariableRef lane_variable_;
  loop::BufferRef sums_;  // of the lane
  Index b_;
  Expr row_, column_;            // first of the tile
  Expr lane_row_, lane_column_;  // first of the lane, in it
  Expr slice_;                   // of the lane
  Expr left_at_, right_at_;      // of its first row and column in what is staged, and its first step
  std::vector<std::pair<loop::VariableRef, Expr>> lets_;
  std::vector<loop::BufferRef> stages_;
};

std::vector<Numbers> workgroups_choices(Template& t) {
  std::vector<Numbers> result;
  for (const SharedTile& tile : choose_shared_tiles(Contraction(t).problem(), t.target())) {
    Numbers numbers = {
        {"tile", {tile.rows, tile.columns}}, {"lanes", {tile.lanes()}}, {"rows", {tile.lane_rows}}};
    if (tile.slices > 1) numbers.push_back({"slices", {tile.slices}});
    numbers.push_back({"chunk", {tile.chunk}});
    numbers.push_back({"stages", {tile.stages}});
    result.push_back(std::move(numbers));
  }
  return result;
}

loop::Kernel emit_workgroups(Template& t, const Choice& choice) {
  const Contraction contraction(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(t.target().has_workgroups(), "the machine has no workgroups");
  read.require(contraction.k() > 0, "nothing is summed");
  const std::vector<int64_t> extents = read.list("tile", 1, kMostTile);
  read.require(extents.size() == 2, "tile is rows and columns");
  SharedTile tile{.rows = extents[0], .columns = extents[1]};
  const int64_t lanes = read.lanes(t.target().max_workgroup_size);
  tile.lane_rows = read.number("rows", 4, tile.rows);
  tile.slices = read.number_or("slices", 1, 1, lanes);
  tile.chunk = read.number("chunk", 4, kMostTile);
  tile.stages = read.number("stages", 1, 2);
  tile.lane_columns = tile.columns * tile.rows / tile.lane_rows * tile.slices / lanes;
  read.require(tile.lane_columns > 0 && tile.lanes() == lanes, "lanes do not divide the tile");
  read.require(fits(tile, contraction.problem(), t.target()), "the tile does not suit its lanes and memory");
  read.finish();
  return ContractWorkgroups(t, contraction, tile).run();
}

}  // namespace

constinit const Schedule kContractWorkgroups = {graph::Anchor::contract, "contract.workgroups",
                                                workgroups_choices, emit_workgroups, true};

}  // namespace sinter::passes
