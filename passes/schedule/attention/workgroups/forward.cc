#include <algorithm>

#include "ir/integers.h"
#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/attention/workgroups/blocks.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `attention` for workgroups: FlashAttention-2, algorithm 1. A workgroup takes a block of
// queries of one head. Blocks of keys run by: their scores, products of lines staged in shared memory, are in
// registers, as are each row's maximum and sum of exponentials so far (the online softmax) and the weighted
// sum of values.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

class AttentionWorkgroups {
 public:
  explicit AttentionWorkgroups(Template& t) : t_(t), blocks_(t, graph::Anchor::attention) {
    outer_shape_ = blocks_.parts().domain;
    outer_shape_[blocks_.parts().key] = 1;
    if (blocks_.parts().query) outer_shape_[*blocks_.parts().query] = 1;
  }

  std::vector<ScorePart> parts() {
    return {{.units = graph::element_count(outer_shape_),
             .rows = blocks_.queries(),
             .columns = blocks_.keys(),
             .leaves_out = blocks_.leaves_out(),
             .lengths = row_lengths(),
             .column_lengths = column_lengths(),
             .sums = blocks_.values(),
             .tells_rows = true}};
  }
  int64_t element_bytes() const { return loop::size_in_bytes(blocks_.type()); }

  loop::Kernel run(const ScoreGrid& grid) {
    blocks_.use(grid, row_lengths(), column_lengths(), 0);
    scores_ = blocks_.registers("scores", grid.scores());
    sums_ = blocks_.registers("sums", blocks_.sums_size(blocks_.values()));
    for (auto* value : {&greatest_, &total_, &factor_}) *value = blocks_.registers("row", grid.rows);
    const int64_t units = graph::element_count(outer_shape_);
    const int64_t row_blocks = ceil_div(blocks_.queries(), grid.block_rows()), groups = units * row_blocks;
    Loader& loader = blocks_.loader();
    const auto group = loader.variable("group", groups);
    const Expr g = loop::variable(group);
    const Index outer = delinearize(loader.simplify(g % units), outer_shape_, loader.ranges());
    // Where queries see the keys before them, the last ones have the most to do: they begin first.
    const Expr block = loop::integer(row_blocks - 1) - g / units;
    const Expr first = loader.simplify(block * grid.block_rows());
    return t_.finish(loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups),
                                blocks_.around(query_block(outer, first))));
  }

 private:
  using Block = AttentionBlocks::Block;
  using Lines = AttentionBlocks::Lines;

  std::vector<int64_t> row_lengths() const { return {blocks_.width()}; }
  std::vector<int64_t> column_lengths() const { return {blocks_.width(), blocks_.values()}; }

  static Expr at(const loop::BufferRef& registers, const AttentionBlocks::Line& row) {
    return loop::load(registers, row.number);
  }

  Stmt query_block(const Index& outer, const Expr& first) {
    const Block block{false, first, nullptr};
    const Stmt run = blocks_.for_key_blocks(
        outer, block, [&](const auto& with_keys) { return fetch_first(outer, with_keys); },
        [&](const auto& with_keys) { return key_block(outer, with_keys); });
    const Stmt start = blocks_.for_rows(block, [&](const auto& row) {
      return loop::block({loop::store(greatest_, row.number, blocks_.number(OnlineSoftmax::kNone)),
                          loop::store(total_, row.number, blocks_.number(0))});
    });
    Stmt body =
        loop::block({blocks_.clear(sums_), start, blocks_.stage_rows(block, {blocks_.query_lines(outer)}),
                     run, finish(outer, block)});
    for (const auto& buffer : {scores_, sums_, greatest_, total_, factor_})
      body = loop::allocate(buffer, body);
    return body;
  }

  Lines lines(const Index& outer, size_t which) {
    return which == 0 ? blocks_.key_lines(outer) : blocks_.value_lines(outer);
  }
  Stmt stage(const Index& outer, const Block& block, size_t which) {
    return blocks_.stage_columns(block, lines(outer, which), which);
  }
  Stmt fetch(const Index& outer, const Block& block, size_t which) {
    return blocks_.fetch_columns(block, lines(outer, which), which);
  }
  // What a block begins with: its keys, or values too.
  Stmt fetch_first(const Index& outer, const Block& block) {
    if (!blocks_.grid().stages_all) return fetch(outer, block, 0);
    return loop::block({fetch(outer, block, 0), fetch(outer, block, 1)});
  }

  Stmt key_block(const Index& outer, const Block& block) {
    const Stmt mask_all = blocks_.for_rows(block, [&](const auto& row) { return mask(outer, block, row); });
    const Stmt weigh_all = blocks_.for_rows(block, [&](const auto& row) { return weigh(outer, block, row); });
    const Stmt scores = blocks_.multiply_rows(block, blocks_.query_lines(outer), 0, scores_);
    const Stmt scale = blocks_.scale(sums_, blocks_.values(), factor_);
    const Stmt sums = blocks_.multiply_tile(blocks_.tile(), blocks_.values(), 1, sums_);
    const Stmt fetch_next = blocks_.ahead(block, [&](const Block& next) { return fetch_first(outer, next); });
    if (blocks_.grid().stages_all) {
      return loop::block({stage(outer, block, 0), stage(outer, block, 1), loop::barrier(), fetch_next, scores,
                          mask_all, blocks_.team_barrier(), weigh_all, scale, blocks_.team_barrier(), sums,
                          loop::barrier()});
    }
    const Stmt fetch_values = block.has_next ? fetch(outer, block, 1) : loop::block({});
    return loop::block({stage(outer, block, 0), loop::barrier(), fetch_values, scores, mask_all,
                        loop::barrier(), stage(outer, block, 1), weigh_all, scale, loop::barrier(),
                        fetch_next, sums, loop::barrier()});
  }

  // x = f(scores), and the greatest of a row that the lane has, or had before, which it tells its team.
  Stmt mask(const Index& outer, const Block& block, const AttentionBlocks::Line& row) {
    const Stmt scores = blocks_.for_places(block, row, [&](const auto& place) {
      blocks_.loader().bind(blocks_.flat(blocks_.scores()), loop::load(scores_, place.slot));
      Lets lets;
      const Expr x = lets.add("x", blocks_.element(blocks_.parts().masked(),
                                                   blocks_.at(outer, place.query, place.key), place.valid));
      return lets.around(loop::block(
          {loop::store(scores_, place.slot, x),
           loop::store(factor_, row.number, OnlineSoftmax::greater(at(factor_, row), x, place.valid))}));
    });
    return loop::block(
        {loop::store(factor_, row.number, at(greatest_, row)), scores, blocks_.tell(row, at(factor_, row))});
  }

  // Turns the scores of a row into what is kept of their weights, before division by the sum.
  Stmt weigh(const Index& outer, const Block& block, const AttentionBlocks::Line& row) {
    const AttentionBody& parts = blocks_.parts();
    Loader& loader = blocks_.loader();
    Lets lets;
    const Expr most =
        blocks_.told(row, lets, [](const Expr& x, const Expr& y) { return OnlineSoftmax::greater(x, y); });
    const Expr shift = lets.add("shift", OnlineSoftmax::shift_of(most));
    const Expr factor = lets.add("factor", OnlineSoftmax::exponential_by_device(at(greatest_, row), shift));
    const Stmt weights = blocks_.for_places(block, row, [&](const auto& place) {
      const auto guarded = [&](const Expr& x) {
        return place.valid ? loop::select(place.valid, x, blocks_.number(0)) : x;
      };
      Lets inner;
      const Expr power = OnlineSoftmax::exponential_by_device(loop::load(scores_, place.slot), shift);
      const Expr p = inner.add("p", guarded(power));
      loader.bind(blocks_.flat(parts.weights()), p);
      const Index kept = *parts.kept_index(blocks_.at(outer, place.query, place.key), loader.ranges());
      const Expr value = guarded(blocks_.element(parts.kept(), kept, place.valid));
      return inner.around(loop::block({loop::store(total_, row.number, at(total_, row) + p),
                                       loop::store(blocks_.tile(), blocks_.tile_place(place), value)}));
    });
    return lets.around(
        loop::block({loop::store(factor_, row.number, factor), loop::store(greatest_, row.number, most),
                     loop::store(total_, row.number, at(total_, row) * factor), weights}));
  }

  Stmt finish(const Index& outer, const Block& block) {
    Loader& loader = blocks_.loader();
    const auto& results = blocks_.core().results;
    const Stmt tell =
        blocks_.for_rows(block, [&](const auto& row) { return blocks_.tell(row, at(total_, row)); });
    const Stmt rows = blocks_.for_rows(block, [&](const auto& row) {
      Lets lets;
      const Expr sum = blocks_.told_sum(row, lets);
      const Expr most = lets.add("m", at(greatest_, row));
      const Expr shift = lets.add("shift", OnlineSoftmax::shift_of(most));
      const Expr total = lets.add("total", OnlineSoftmax::divisor(most, sum));
      std::vector<Stmt> body = {loop::store(factor_, row.number, blocks_.number(1) / total)};
      const Index index = blocks_.without_key(blocks_.at(outer, row.of_all, loop::integer(0)));
      for (size_t result : {1, 2}) {
        const loop::BufferRef buffer = blocks_.output(result);
        if (buffer == nullptr) continue;
        const Expr place = loader.simplify(linearize(index, results[result].shape));
        body.push_back(loop::store(buffer, place, result == 1 ? shift : total,
                                   row.exists && blocks_.is_first_of_team()));
      }
      return lets.around(loop::block(std::move(body)));
    });
    const loop::BufferRef buffer = blocks_.output(0);
    if (buffer == nullptr) return loop::block({tell, blocks_.team_barrier(), rows});
    const Stmt store = blocks_.store_sums(
        block, sums_, blocks_.values(), buffer, [&](const AttentionBlocks::Line& row, const Expr& u) {
          return linearize(blocks_.result_index(outer, row.of_all, u), results[0].shape);
        });
    return loop::block(
        {tell, blocks_.team_barrier(), rows, blocks_.scale(sums_, blocks_.values(), factor_), store});
  }

  Template& t_;
  AttentionBlocks blocks_;
  graph::Shape outer_shape_;
  // Of the lane: its scores, its part of the weighted sums of values; and of each of its rows the greatest
  // score so far, its part of the sum of exponentials, and what sums are to be multiplied with.
  loop::BufferRef scores_, sums_, greatest_, total_, factor_;
};

std::vector<Numbers> workgroups_choices(Template& t) {
  if (!t.target().has_workgroups()) return {};
  AttentionWorkgroups schedule(t);
  return choose_score_grid(schedule.parts(), schedule.element_bytes(), t.target());
}

loop::Kernel emit_workgroups(Template& t, const Choice& choice) {
  AttentionWorkgroups schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  return schedule.run(read_score_grid(read, schedule.parts(), schedule.element_bytes(), t.target()));
}

}  // namespace

constinit const Schedule kAttentionWorkgroups = {graph::Anchor::attention, "attention.workgroups",
                                                 workgroups_choices, emit_workgroups};

}  // namespace sinter::passes
