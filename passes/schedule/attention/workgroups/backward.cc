#include <algorithm>
#include <functional>
#include <optional>

#include "ir/integers.h"
#include "ir/loop/affine.h"
#include "passes/schedule/attention/gradients.h"
#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/attention/workgroups/blocks.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `attention_backward` for workgroups: FlashAttention-2, algorithm 2, taken apart so that no
// two workgroups write the same element. One part of the workgroups has a block of queries each and adds up
// their gradient while the keys run by, another one has a block of keys each and adds up theirs and the
// values' while the queries run by; a gradient of what f or g reads has a part of its own. Probabilities are
// computed again in each.
namespace sinter::passes {

using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

class BackwardWorkgroups {
 public:
  explicit BackwardWorkgroups(Template& t)
      : t_(t), blocks_(t, graph::Anchor::attention_backward), gradients_(blocks_) {
    parts_ = gradient_parts(blocks_.parts(), gradients_);
  }

  std::vector<ScorePart> score_parts() {
    std::vector<ScorePart> result;
    const bool leaves_out = blocks_.leaves_out();
    for (const GradientPart& part : parts_) {
      ScorePart scores{.units = graph::element_count(part.own),
                       .rows = blocks_.queries(),
                       .columns = blocks_.keys(),
                       .leaves_out = leaves_out,
                       .lengths = {blocks_.width(), blocks_.values()},
                       .column_lengths = {blocks_.width(), blocks_.values()},
                       .summed_lines = rows_are_keys(part) ? summed_lines() : 0,
                       .tiles = is_extra(part) ? 3 : 2};
      if (rows_are_keys(part)) std::swap(scores.rows, scores.columns);
      if (!is_extra(part)) {
        for (const auto* gradient : part.gradients) scores.sums += length_of(*gradient);
      }
      result.push_back(scores);
    }
    return result;
  }
  int64_t element_bytes() const { return loop::size_in_bytes(blocks_.type()); }

  loop::Kernel run(const ScoreGrid& grid) {
    const std::vector<int64_t> lengths = {blocks_.width(), blocks_.values()};
    blocks_.use(grid, lengths, lengths, summed_lines());
    const auto registers = [&](const char* name, int64_t count) { return blocks_.registers(name, count); };
    scores_ = registers("scores", grid.scores());
    slopes_ = registers("slopes", grid.scores());
    extras_ = registers("extras", grid.scores());
    row_ = registers("row", 1);
    for (auto* statistic : {&shift_, &share_, &delta_})
      *statistic = registers("statistic", std::max(grid.rows, grid.columns));
    for (const auto& gradient : gradients_.all()) {
      if (gradient.operand > 2) continue;
      const char* names[] = {"d_query", "d_key", "d_value"};
      sums_[gradient.operand] = registers(names[gradient.operand], blocks_.sums_size(length_of(gradient)));
    }
    std::vector<Stmt> loops;
    for (const GradientPart& part : parts_) {
      const int64_t groups = groups_of(part);
      const auto group = blocks_.loader().variable("group", groups);
      const Stmt body = blocks_.around(workgroup(part, loop::variable(group)));
      loops.push_back(loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups), body));
    }
    return t_.finish(std::move(loops));
  }

 private:
  using Block = AttentionBlocks::Block;
  using Lines = AttentionBlocks::Lines;

  // Of what f or g reads: workgroups add up what its scores give, which they have as queries and keys.
  static bool is_extra(const GradientPart& part) { return part.gradients[0]->operand > 2; }
  static bool rows_are_keys(const GradientPart& part) { return !is_extra(part) && part.own_keys; }
  static bool owns_rows(const GradientPart& part) { return rows_are_keys(part) || part.own_queries; }
  static bool owns_columns(const GradientPart& part) { return is_extra(part) && part.own_keys; }
  int64_t length_of(const AttentionGradient& gradient) const {
    return gradient.operand == 2 ? blocks_.values() : blocks_.width();
  }
  int64_t summed_lines() const { return gradients_.signature().row_sum ? blocks_.values() : 0; }
  int64_t row_blocks(const GradientPart& part) const {
    return ceil_div(rows_are_keys(part) ? blocks_.keys() : blocks_.queries(), blocks_.grid().block_rows());
  }
  int64_t column_blocks(const GradientPart& part) const {
    return ceil_div(rows_are_keys(part) ? blocks_.queries() : blocks_.keys(), blocks_.grid().block_columns());
  }
  int64_t groups_of(const GradientPart& part) const {
    return graph::element_count(part.own) * (owns_rows(part) ? row_blocks(part) : 1) *
           (owns_columns(part) ? column_blocks(part) : 1);
  }

  // What one workgroup of a part does.
  struct Run {
    const GradientPart& part;
    Index mine;
    Block block;  // its first row and column where it owns a block of them; else null
  };

  // Where queries see the keys before them, the last queries and the first keys have the most to do: they
  // begin first.
  Stmt workgroup(const GradientPart& part, const Expr& number) {
    Loader& loader = blocks_.loader();
    const int64_t units = graph::element_count(part.own),
                  columns = owns_columns(part) ? column_blocks(part) : 1;
    Run run{part, delinearize(loader.simplify(number / columns % units), part.own, loader.ranges()), {}};
    run.block.rows_are_keys = rows_are_keys(part);
    if (owns_rows(part)) {
      Expr block = number / (columns * units);
      if (!rows_are_keys(part)) block = loop::integer(row_blocks(part) - 1) - block;
      run.block.row = loader.simplify(block * blocks_.grid().block_rows());
    }
    if (owns_columns(part))
      run.block.column = loader.simplify(number % columns * blocks_.grid().block_columns());
    std::vector<loop::BufferRef> held = {row_, scores_, slopes_, shift_, share_, delta_};
    std::vector<Stmt> body;
    if (is_extra(part)) held.push_back(extras_);
    for (const AttentionGradient* gradient : part.gradients) {
      const loop::BufferRef& sums = is_extra(part) ? extras_ : sums_[gradient->operand];
      if (!is_extra(part)) held.push_back(sums);
      body.push_back(blocks_.clear(sums));
    }
    body.push_back(for_outer(run));
    for (const AttentionGradient* gradient : part.gradients)
      body.push_back(is_extra(part) ? store_extra(run, *gradient) : store(run, *gradient));
    Stmt result = loop::block(std::move(body));
    for (const auto& buffer : held) result = loop::allocate(buffer, result);
    return result;
  }

  // Over what the workgroup adds up along.
  Stmt for_outer(const Run& run) {
    Loader& loader = blocks_.loader();
    Index outer = run.mine;
    std::vector<std::pair<loop::VariableRef, int64_t>> along;
    for (size_t axis = 0; axis < outer.size(); ++axis) {
      if (run.part.along[axis] == 1) continue;
      along.emplace_back(loader.variable("outer", run.part.along[axis]), run.part.along[axis]);
      outer[axis] = loop::variable(along.back().first);
    }
    const bool restarts = !along.empty() || run.block.row == nullptr;
    Block block = run.block;
    if (!block.row) {
      along.emplace_back(loader.variable("row_block", row_blocks(run.part)), row_blocks(run.part));
      block.row = loop::variable(along.back().first) * blocks_.grid().block_rows();
    }
    Stmt body = for_columns(run, outer, block);
    if (restarts) body = loop::block({loop::barrier(), body});
    for (size_t i = along.size(); i-- > 0;) {
      body = loop::loop(LoopKind::serial, along[i].first, loop::integer(0), loop::integer(along[i].second),
                        body);
    }
    return body;
  }

  Stmt for_columns(const Run& run, const Index& outer, Block block) {
    std::vector<Stmt> body = {blocks_.stage_rows(
        block, {lines(outer, block.rows_are_keys, 0), lines(outer, block.rows_are_keys, 1)})};
    const auto of_block = [&](const Block& with_columns) { return column_block(run, outer, with_columns); };
    const auto fetch = [&](const Block& with_columns) {
      return loop::block({fetch_first(outer, with_columns), fetch_statistics(outer, with_columns)});
    };
    const auto seen = [&](const Block& with_columns) { return is_seen(outer, with_columns); };
    if (block.rows_are_keys) {
      body.push_back(blocks_.for_column_blocks(block, seen, fetch, of_block));
    } else {
      body.push_back(row_statistics(outer, block));
      body.push_back(block.column != nullptr ? loop::branch(seen(block), of_block(block))
                                             : blocks_.for_key_blocks(outer, block, fetch, of_block));
    }
    return loop::block(std::move(body));
  }

  // Whether a query of a block of scores sees a key.
  Expr is_seen(const Index& outer, const Block& block) {
    Loader& loader = blocks_.loader();
    const ScoreGrid& grid = blocks_.grid();
    Expr query = block.row, key = block.column;
    int64_t queries = grid.block_rows(), keys = grid.block_columns();
    if (block.rows_are_keys) {
      std::swap(query, key);
      std::swap(queries, keys);
    }
    const auto [low, high] = blocks_.seen_by(outer, query, queries);
    return loader.simplify(key < high && low < key + keys);
  }

  // Of queries the cotangents and of keys the values, which give the weights' cotangents; or queries and
  // keys, which give the scores.
  Lines lines(const Index& outer, bool of_keys, size_t which) {
    if (of_keys) return which == 0 ? blocks_.key_lines(outer) : blocks_.value_lines(outer);
    if (which == 0) return blocks_.query_lines(outer);
    return {false, blocks_.values(), [this, outer](const Expr& query, const Expr& u, const Expr& predicate) {
              return blocks_.element(gradients_.signature().cotangent, blocks_.result_index(outer, query, u),
                                     predicate);
            }};
  }

  // Of each query what its softmax was divided by, and the sum of result times cotangent, which is that of
  // its probabilities times their cotangents.
  Stmt fetch_statistics(const Index& outer, const AttentionBlocks::Line& line) {
    const auto& signature = gradients_.signature();
    const Index of_row = blocks_.without_key(blocks_.at(outer, line.of_all, loop::integer(0)));
    return loop::block(
        {loop::store(shift_, line.number, blocks_.element(signature.shift, of_row, line.exists)),
         loop::store(share_, line.number, blocks_.element(signature.total, of_row, line.exists))});
  }
  Stmt finish_statistics(const AttentionBlocks::Line& line) {
    Lets lets;
    std::vector<Stmt> body = {
        loop::store(share_, line.number, blocks_.number(1) / loop::load(share_, line.number))};
    if (gradients_.signature().row_sum) {
      body.push_back(loop::store(delta_, line.number, blocks_.told_sum(line, lets)));
    }
    return lets.around(loop::block(std::move(body)));
  }
  AttentionBlocks::Factors row_sums(const Index& outer) {
    const auto factor = [this, outer](Value value) {
      return [this, outer, value](const Expr& query, const Expr& u, const Expr& predicate) {
        return blocks_.element(value, blocks_.result_index(outer, query, u), predicate);
      };
    };
    const auto& signature = gradients_.signature();
    return {blocks_.values(), factor(signature.out), factor(signature.cotangent)};
  }
  Stmt row_statistics(const Index& outer, const Block& block) {
    const bool has_sums = summed_lines() > 0;
    const Stmt tell = has_sums ? blocks_.tell_sums(block.row, blocks_.grid().block_rows(), row_sums(outer))
                               : loop::block({});
    return loop::block({tell, loop::barrier(), blocks_.for_rows(block, [&](const auto& row) {
                          return loop::block({fetch_statistics(outer, row), finish_statistics(row)});
                        })});
  }
  // Where rows are keys, each block of columns has other queries: what is read of them, and the sums that
  // teams tell before a barrier.
  Stmt fetch_statistics(const Index& outer, const Block& block) {
    if (!block.rows_are_keys) return loop::block({});
    const Stmt sums = summed_lines() > 0 ? blocks_.fetch_factors(block.column, blocks_.grid().block_columns(),
                                                                 row_sums(outer))
                                         : loop::block({});
    return loop::block({sums, blocks_.for_columns(block, [&](const auto& column) {
                          return fetch_statistics(outer, column);
                        })});
  }
  Stmt tell_column_sums(const Index& outer, const Block& block) {
    const int64_t count = blocks_.grid().block_columns();
    if (!block.rows_are_keys || summed_lines() == 0) return loop::block({});
    return block.has_next ? blocks_.tell_fetched(count, blocks_.values())
                          : blocks_.tell_sums(block.column, count, row_sums(outer));
  }
  Stmt column_statistics(const Index& outer, const Block& block) {
    if (!block.rows_are_keys) return loop::block({});
    return blocks_.for_columns(block, [&](const auto& column) {
      const Stmt finish = finish_statistics(column);
      return block.has_next ? finish : loop::block({fetch_statistics(outer, column), finish});
    });
  }

  Stmt fetch(const Index& outer, const Block& block, size_t which) {
    return blocks_.fetch_columns(block, lines(outer, !block.rows_are_keys, which), which);
  }
  // The lines that a block of columns begins with.
  size_t first_line() const { return gradients_.signature().kept_cotangent != Value() ? 1 : 0; }
  Stmt fetch_first(const Index& outer, const Block& block) {
    if (!blocks_.grid().stages_all) return fetch(outer, block, first_line());
    return loop::block({fetch(outer, block, 0), fetch(outer, block, 1)});
  }

  // The products of a block of scores. Where not all lines of columns are staged at once, they come again for
  // each product.
  Stmt column_block(const Run& run, const Index& outer, const Block& block) {
    const bool has_slopes = gradients_.signature().kept_cotangent != Value();
    const bool needs_slopes = needs(run, 0) || needs(run, 1);
    const bool all = blocks_.grid().stages_all;
    std::vector<Stmt> body;
    const auto add = [&](const Stmt& stmt) { body.push_back(stmt); };
    const auto stage = [&](size_t which) {
      add(blocks_.stage_columns(block, lines(outer, !block.rows_are_keys, which), which));
    };
    const auto put_weights = [&] { add(put(block, scores_, blocks_.tile(0))); };
    const auto put_slopes = [&] { add(put(block, slopes_, blocks_.tile(1))); };
    // Lines in the one place that they take in turn; what is put in a tile changes with them. While one kind
    // is multiplied the next one is fetched, behind `fetched_behind`.
    std::optional<size_t> staged;
    size_t fetched_behind = 0;
    const auto fetch_behind = [&](const Stmt& fetch) {
      body.insert(body.begin() + static_cast<std::ptrdiff_t>(fetched_behind), fetch);
    };
    const auto bring = [&](size_t which, const std::function<void()>& put_tile = nullptr) {
      if (staged == which && !put_tile) return;
      if (staged && staged != which) {
        if (block.has_next) fetch_behind(fetch(outer, block, which));
        add(loop::barrier());
      }
      if (put_tile) put_tile();
      const bool is_new = staged != which;
      if (is_new) stage(which);
      add(is_new ? loop::barrier() : blocks_.team_barrier());
      if (is_new) fetched_behind = body.size();
      staged = which;
    };
    const auto multiply_rows = [&](size_t which) {
      if (!all) bring(which);
      add(blocks_.multiply_rows(block, lines(outer, block.rows_are_keys, which), which,
                                which == 0 ? scores_ : slopes_));
    };
    const auto multiply_tile = [&](size_t tile, size_t operand, size_t which) {
      add(blocks_.multiply_tile(blocks_.tile(tile), length_of(*gradients_.of(operand)), which,
                                sums_[operand]));
    };

    add(tell_column_sums(outer, block));
    if (all) {
      for (const size_t which : {0, 1}) stage(which);
      add(loop::barrier());
      fetched_behind = body.size();
    } else {
      bring(first_line());
    }
    add(column_statistics(outer, block));
    if (has_slopes) multiply_rows(1);
    multiply_rows(0);
    add(blocks_.for_rows(block, [&](const auto& row) {
      return blocks_.for_places(block, row,
                                [&](const auto& at) { return differentiate(run, outer, block, at); });
    }));
    if (all && !is_extra(run.part)) {
      if (needs(run, 2)) put_weights();
      if (needs_slopes) put_slopes();
      add(blocks_.team_barrier());
    }
    // The lines that are there are multiplied first.
    if (needs_slopes && !all) bring(0, put_slopes);
    add(blocks_.ahead(block, [&](const Block& next) { return fetch_statistics(outer, next); }));
    for (const size_t operand : {0, 1})
      if (needs(run, operand)) multiply_tile(1, operand, 0);
    if (needs(run, 2)) {
      if (!all) bring(1, put_weights);
      multiply_tile(0, 2, 1);
    }
    add(loop::barrier());
    fetch_behind(blocks_.ahead(block, [&](const Block& next) { return fetch_first(outer, next); }));
    return loop::block(std::move(body));
  }

  // To a tile.
  Stmt put(const Block& block, const loop::BufferRef& scores, const loop::BufferRef& tile) {
    return blocks_.for_rows(block, [&](const auto& row) {
      return blocks_.for_places(block, row, [&](const auto& at) {
        return loop::store(tile, blocks_.tile_place(at), loop::load(scores, at.slot));
      });
    });
  }

  // Turns a score into what is kept of its weight, and that one's cotangent into the score's.
  Stmt differentiate(const Run& run, const Index& outer, const Block& block,
                     const AttentionBlocks::Place& at) {
    const AttentionBody& parts = blocks_.parts();
    Loader& loader = blocks_.loader();
    const Index index = blocks_.at(outer, at.query, at.key);
    const auto read = [&](Value value, const Index& i) { return blocks_.element(value, i, at.valid); };
    const auto guarded = [&](const Expr& x) {
      return at.valid ? loop::select(at.valid, x, blocks_.number(0)) : x;
    };
    const auto bind = [&](Value value, const Expr& bound) {
      if (value) loader.bind(blocks_.flat(value), bound);
    };
    const auto of_query = [&](const loop::BufferRef& statistic) {
      return loop::load(statistic, block.rows_are_keys ? at.column.number : at.row.number);
    };
    Lets lets;
    bind(blocks_.scores(), lets.add("s", loop::load(scores_, at.slot)));
    const Expr x = lets.add("x", read(parts.masked(), index));
    bind(parts.weights(), lets.add("p", guarded(OnlineSoftmax::exponential_by_device(x, of_query(shift_)) *
                                                of_query(share_))));
    if (gradients_.signature().kept_cotangent) {
      bind(gradients_.signature().kept_cotangent, lets.add("dp", loop::load(slopes_, at.slot)));
    }
    bind(gradients_.signature().row_sum, of_query(delta_));
    const Index kept_at = *parts.kept_index(index, loader.ranges());
    std::vector<Stmt> body;
    if (needs(run, 2)) body.push_back(loop::store(scores_, at.slot, guarded(read(parts.kept(), kept_at))));
    if (needs(run, 0) || needs(run, 1)) {
      const Expr slope = read(gradients_.signature().score_cotangent, blocks_.scores_index(index));
      body.push_back(loop::store(slopes_, at.slot, guarded(slope)));
    }
    for (const AttentionGradient* gradient : run.part.gradients) {
      if (gradient->operand <= 2) continue;
      const auto terms = gradients_.terms(gradient->value, index, read);
      Expr sum = loop::load(extras_, at.slot);
      for (const auto& term : terms) sum = sum + guarded(term.value);
      body.push_back(loop::store(extras_, at.slot, sum));
    }
    return lets.around(loop::block(std::move(body)));
  }

  bool needs(const Run& run, size_t operand) const {
    return std::ranges::any_of(run.part.gradients,
                               [&](const auto* gradient) { return gradient->operand == operand; });
  }

  Stmt store(const Run& run, const AttentionGradient& gradient) {
    const size_t operand = gradient.operand;
    return blocks_.store_sums(run.block, sums_[operand], length_of(gradient), gradient.buffer,
                              [&](const AttentionBlocks::Line& row, const Expr& w) {
                                const Index index =
                                    operand == 0   ? blocks_.query_index(run.mine, row.of_all, w)
                                    : operand == 1 ? blocks_.key_index(run.mine, row.of_all, w)
                                                   : blocks_.value_index(run.mine, row.of_all, w);
                                return linearize(index, gradient.value.shape());
                              });
  }

  // Adds up what the scores gave a gradient of what f or g reads, along the axes that it does not have.
  Stmt store_extra(const Run& run, const AttentionGradient& gradient) {
    const loop::BufferRef& tile = blocks_.tile();
    const Expr zero = loop::integer(0), lane = blocks_.lane(), sum = loop::load(row_, zero);
    const Block block{false, run.block.row ? run.block.row : zero,
                      run.block.column ? run.block.column : zero};
    const int64_t rows = blocks_.grid().block_rows(), columns = blocks_.grid().block_columns();
    const auto keep = [&](const Expr& row, const Expr& column, const Expr& value, const Expr& exists) {
      const Expr place =
          gradients_.place_of(gradient, blocks_.at(run.mine, block.row + row, block.column + column));
      return loop::store(gradient.buffer, place, value, exists);
    };
    if (run.block.row != nullptr && run.block.column != nullptr) {
      return blocks_.for_rows(block, [&](const auto& row) {
        return blocks_.for_places(block, row, [&](const auto& at) {
          return keep(row.in_block, at.column.in_block, loop::load(extras_, at.slot), at.valid);
        });
      });
    }
    const auto exists = [](const Expr& line, int64_t extent, int64_t of_block) {
      return extent % of_block == 0 ? nullptr : line < loop::integer(extent);
    };
    // A lane for each line of the tile that is left.
    const auto add_up = [&](int64_t lines, int64_t length, const std::function<Expr(Expr, Expr)>& element,
                            const std::function<Stmt(const Expr&)>& finish) {
      const int64_t lanes = blocks_.grid().lanes, rounds = ceil_div(lines, lanes);
      const auto round = blocks_.loader().variable("round", rounds);
      const auto other = blocks_.loader().variable("other", length);
      const Expr line = loop::variable(round) * lanes + lane;
      const Stmt add = loop::store(row_, zero, sum + element(line, loop::variable(other)));
      Stmt body =
          loop::block({loop::store(row_, zero, blocks_.number(0)),
                       loop::loop(LoopKind::serial, other, zero, loop::integer(length), add), finish(line)});
      if (lines % lanes != 0) body = loop::branch(line < loop::integer(lines), body);
      return loop::loop(LoopKind::serial, round, zero, loop::integer(rounds), body);
    };
    const auto across = [&](const Expr& row, const Expr& column) {
      return loop::load(tile, blocks_.tile_place(row, column));
    };
    const Stmt fill = loop::block({put(block, extras_, tile), loop::barrier()});
    if (run.block.column) {
      const auto down = [&](const Expr& column, const Expr& row) { return across(row, column); };
      return loop::block({fill, add_up(columns, rows, down, [&](const Expr& column) {
                            return keep(zero, column, sum,
                                        exists(block.column + column, blocks_.keys(), columns));
                          })});
    }
    if (run.block.row) {
      return loop::block({fill, add_up(rows, columns, across, [&](const Expr& row) {
                            return keep(row, zero, sum, exists(block.row + row, blocks_.queries(), rows));
                          })});
    }
    const Stmt of_rows = add_up(rows, columns, across, [&](const Expr& row) {
      return loop::store(tile, blocks_.tile_place(row, zero), sum);
    });
    const auto row_sum = [&](const Expr&, const Expr& row) { return across(row, zero); };
    const Stmt of_all = add_up(1, rows, row_sum, [&](const Expr&) { return keep(zero, zero, sum, nullptr); });
    return loop::block({fill, of_rows, loop::barrier(), of_all});
  }

  Template& t_;
  AttentionBlocks blocks_;
  AttentionGradients gradients_;
  std::vector<GradientPart> parts_;
  // Of the lane: scores, then what is kept of their weights; cotangents of that, then of the scores; what
  // scores give what f or g reads; sums by operand; and of each query among its rows or columns, the shift of
  // the softmax, what its total divides by, and the sum of weights times cotangents.
  loop::BufferRef scores_, slopes_, extras_, sums_[3], shift_, share_, delta_;
  loop::BufferRef row_;  // one value
};

std::vector<Numbers> backward_workgroups_choices(Template& t) {
  if (!t.target().has_workgroups()) return {};
  BackwardWorkgroups schedule(t);
  return choose_score_grid(schedule.score_parts(), schedule.element_bytes(), t.target());
}

loop::Kernel emit_backward_workgroups(Template& t, const Choice& choice) {
  BackwardWorkgroups schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  return schedule.run(read_score_grid(read, schedule.score_parts(), schedule.element_bytes(), t.target()));
}

}  // namespace

constinit const Schedule kAttentionBackwardWorkgroups = {
    graph::Anchor::attention_backward, "attention_backward.workgroups", backward_workgroups_choices,
    emit_backward_workgroups};

}  // namespace sinter::passes
