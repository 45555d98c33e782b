#include <algorithm>

#include "ir/integers.h"
#include "ir/loop/affine.h"
#include "passes/schedule/attention/blocks.h"
#include "passes/schedule/attention/gradients.h"
#include "passes/schedule/attention/online_softmax.h"
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
    for (const GradientPart& part : parts_) {
      held_.workgroups.emplace_back();
      for (const auto* gradient : part.gradients) {
        if (gradient->operand <= 2) held_.workgroups.back().push_back(sums_of(*gradient));
      }
    }
    held_.has_extras =
        std::ranges::any_of(parts_, [](const GradientPart& part) { return part.gradients[0]->operand > 2; });
  }

  Numbers best() { return blocks_.best(held_); }

  loop::Kernel run(ChoiceReader& read) {
    blocks_.use(read, held_);
    read.finish();
    for (const size_t operand : {0, 1, 2}) {
      const AttentionGradient* gradient = gradients_.of(operand);
      if (gradient == nullptr) continue;
      const char* name = operand == 0 ? "d_query" : operand == 1 ? "d_key" : "d_value";
      grids_[operand] = blocks_.sums_grid(sums_of(*gradient), name);
      sums_[operand] = blocks_.registers(name, grids_[operand].elements());
    }
    row_ = blocks_.registers("row", 1);
    std::vector<Stmt> loops;
    for (const GradientPart& part : parts_) {
      const int64_t groups = groups_of(part);
      const auto group = blocks_.loader().variable("group", groups);
      const Stmt body = blocks_.allocate_shared(workgroup(part, loop::variable(group)));
      loops.push_back(loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups), body));
    }
    return t_.finish(std::move(loops));
  }

 private:
  int64_t groups_of(const GradientPart& part) const {
    return graph::element_count(part.own) * (part.own_queries ? blocks_.query_blocks() : 1) *
           (part.own_keys ? blocks_.key_blocks() : 1);
  }

  AttentionBlocks::Sums sums_of(const AttentionGradient& gradient) const {
    return {gradient.operand != 0, gradient.operand == 2 ? blocks_.values() : blocks_.width()};
  }

  Stmt workgroup(const GradientPart& part, const Expr& number) {
    Loader& loader = blocks_.loader();
    const int64_t query_runs = part.own_queries ? blocks_.query_blocks() : 1;
    const int64_t key_runs = part.own_keys ? blocks_.key_blocks() : 1;
    Run run{part};
    run.mine = delinearize(loader.simplify(number / (query_runs * key_runs)), part.own, loader.ranges());
    if (part.own_queries) {
      run.query = loader.simplify(number / key_runs % query_runs * blocks_.query_block());
    }
    if (part.own_keys) run.key = loader.simplify(number % key_runs * blocks_.key_block());
    std::vector<loop::BufferRef> held = {row_};
    std::vector<Stmt> body;
    for (const AttentionGradient* gradient : part.gradients) {
      if (gradient->operand > 2) {
        body.push_back(clear_extras());
        continue;
      }
      const loop::BufferRef& sums = sums_[gradient->operand];
      held.push_back(sums);
      body.push_back(each(sums->size, [&](int64_t slot) {
        return loop::store(sums, loop::integer(slot), blocks_.number(0));
      }));
    }
    body.push_back(for_outer(run));
    for (const AttentionGradient* gradient : part.gradients) {
      body.push_back(gradient->operand <= 2 ? store(run, *gradient) : store_extra(run, *gradient));
    }
    Stmt result = loop::block(std::move(body));
    for (const auto& buffer : held) result = loop::allocate(buffer, result);
    return blocks_.tile().around(result);
  }

  // What one workgroup of a part does.
  struct Run {
    const GradientPart& part;
    Index mine;
    Expr query, key;  // the first ones where it owns a block of them; else null
  };

  Stmt clear_extras() {
    const Expr zero = loop::integer(0);
    return blocks_.for_rows(zero, [&](const auto& row) {
      return blocks_.for_places({zero, zero, nullptr}, row, [&](const auto& at) {
        return loop::store(blocks_.extras(), blocks_.tile_place(at), blocks_.number(0));
      });
    });
  }

  // Over what the workgroup adds up along.
  Stmt for_outer(const Run& run) {
    Loader& loader = blocks_.loader();
    Index outer = run.mine;
    std::vector<loop::VariableRef> variables;
    for (size_t axis = 0; axis < outer.size(); ++axis) {
      if (run.part.along[axis] == 1) continue;
      variables.push_back(loader.variable("outer", run.part.along[axis]));
      outer[axis] = loop::variable(variables.back());
    }
    Stmt body = for_queries(run, outer);
    for (size_t axis = outer.size(); axis-- > 0;) {
      if (run.part.along[axis] == 1) continue;
      body = loop::loop(LoopKind::serial, variables.back(), loop::integer(0),
                        loop::integer(run.part.along[axis]), body);
      variables.pop_back();
    }
    return body;
  }

  Stmt for_queries(const Run& run, const Index& outer) {
    if (run.query) return for_keys(run, outer, run.query);
    const auto number = blocks_.loader().variable("query_block", blocks_.query_blocks());
    const Stmt body = for_keys(run, outer, loop::variable(number) * blocks_.query_block());
    return loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(blocks_.query_blocks()),
                      body);
  }

  Stmt for_keys(const Run& run, const Index& outer, const Expr& query) {
    Loader& loader = blocks_.loader();
    const auto [low, high] = blocks_.visible_keys(outer, {query, blocks_.query_block()});
    const bool all = loop::as_integer(low) && loop::as_integer(high) &&
                     blocks_.keys() % blocks_.key_block() == 0 &&
                     blocks_.key_block() == blocks_.grid().tile_columns();
    const int64_t keys = blocks_.key_block();
    Lets bounds;
    const Expr begin = bounds.add("low", low), end = bounds.add("high", high);
    loader.ranges()[begin->variable] = {0, blocks_.keys() + 1};
    loader.ranges()[end->variable] = {0, blocks_.keys() + 1};
    const auto block = [&](const Expr& key, Lets& lets) {
      AttentionBlocks::Block result{query, key, nullptr};
      if (!all) {
        result.end = lets.add("end", loop::min(end, key + keys));
        loader.ranges()[result.end->variable] = {0, blocks_.keys() + 1};
      }
      return result;
    };
    if (run.key) {
      Lets lets;
      const AttentionBlocks::Block mine = block(run.key, lets);
      Stmt body = loop::block({statistics(outer, query), key_block(run, outer, mine)});
      body = lets.around(body);
      if (!all) body = loop::branch(run.key < end && run.key + keys >= begin + 1, body);
      return bounds.around(body);
    }
    const auto number = loader.variable("key_block", blocks_.key_blocks());
    const Expr count = (loop::max(end - begin, loop::integer(0)) + (keys - 1)) / keys;
    Lets lets;
    const Expr key = lets.add("key0", begin + loop::variable(number) * keys);
    loader.ranges()[key->variable] = {0, blocks_.keys()};
    const AttentionBlocks::Block next = block(key, lets);
    const Stmt body = loop::loop(LoopKind::serial, number, loop::integer(0), count,
                                 lets.around(key_block(run, outer, next)));
    return bounds.around(loop::block({statistics(outer, query), body}));
  }

  enum Values : size_t { part_of_delta, delta };

  // Of each row the sum of result times cotangent, which is the sum of its probabilities times their
  // cotangents.
  Stmt statistics(const Index& outer, const Expr& first) {
    if (!gradients_.signature().row_sum) return loop::block({});
    Loader& loader = blocks_.loader();
    const int64_t lanes = blocks_.grid().column_lanes, rounds = ceil_div(blocks_.values(), lanes);
    const Expr zero = loop::integer(0);
    const Stmt parts = blocks_.for_rows(first, [&](const auto& row) {
      const auto round = loader.variable("round", rounds);
      const Expr u = loop::variable(round) * lanes + blocks_.grid().first_column;
      Expr exists = row.exists;
      if (blocks_.values() % lanes != 0) exists = exists && u < loop::integer(blocks_.values());
      const Index place = blocks_.result_index(outer, row.query, u);
      const Expr product = blocks_.element(gradients_.signature().out, place, exists) *
                           blocks_.element(gradients_.signature().cotangent, place, exists);
      return loop::block(
          {loop::store(row_, zero, blocks_.number(0)),
           loop::loop(LoopKind::serial, round, zero, loop::integer(rounds),
                      loop::store(row_, zero, loop::load(row_, zero) + product)),
           loop::store(blocks_.row_values(part_of_delta), blocks_.row_place(row), loop::load(row_, zero))});
    });
    const Stmt sums = blocks_.for_rows(first, [&](const auto& row) {
      return loop::block(
          {blocks_.gather(row_, part_of_delta, row, ScalarOp::add),
           loop::store(blocks_.row_values(delta), blocks_.row_place(row), loop::load(row_, zero))});
    });
    // Other lanes may still read what was given to them before.
    return loop::block({loop::barrier(), parts, loop::barrier(), sums});
  }

  Stmt key_block(const Run& run, const Index& outer, const AttentionBlocks::Block& block) {
    const AttentionBody& parts = blocks_.parts();
    const auto query = [&](const Expr& q, const Expr& w, const Expr& predicate) {
      return blocks_.element(parts.q, blocks_.query_index(outer, q, w), predicate);
    };
    const auto key = [&](const Expr& k, const Expr& w, const Expr& predicate) {
      return blocks_.element(parts.k, blocks_.key_index(outer, k, w), predicate);
    };
    const auto value = [&](const Expr& k, const Expr& u, const Expr& predicate) {
      return blocks_.element(parts.v, blocks_.value_index(outer, k, u), predicate);
    };
    const auto cotangent = [&](const Expr& q, const Expr& u, const Expr& predicate) {
      return blocks_.element(gradients_.signature().cotangent, blocks_.result_index(outer, q, u), predicate);
    };
    std::vector<Stmt> body = {blocks_.multiply_rows(block, blocks_.width(), query, key, blocks_.weights())};
    if (gradients_.signature().kept_cotangent) {
      body.push_back(blocks_.multiply_rows(block, blocks_.values(), cotangent, value, blocks_.slopes()));
    }
    body.push_back(blocks_.for_rows(block.query,
                                    [&](const auto& row) { return differentiate(run, outer, block, row); }));
    const auto multiply = [&](size_t operand, const loop::BufferRef& tile,
                              const AttentionBlocks::Element& right) {
      const AttentionGradient* gradient = gradients_.of(operand);
      if (std::ranges::find(run.part.gradients, gradient) == run.part.gradients.end()) return;
      body.push_back(
          blocks_.multiply_tile(block, sums_of(*gradient), grids_[operand], tile, right, sums_[operand]));
    };
    multiply(0, blocks_.slopes(), key);
    multiply(1, blocks_.slopes(), query);
    multiply(2, blocks_.weights(), cotangent);
    return loop::block(std::move(body));
  }

  // Turns the scores of a row into what is kept of their weights, and its cotangents into those of the
  // scores.
  Stmt differentiate(const Run& run, const Index& outer, const AttentionBlocks::Block& block,
                     const AttentionBlocks::Row& row) {
    const Index of_row = blocks_.without_key(blocks_.at(outer, row.query, loop::integer(0)));
    Lets lets;
    const Expr shift = lets.add("shift", blocks_.element(gradients_.signature().shift, of_row, row.exists));
    const Expr share = lets.add(
        "share", blocks_.number(1) / blocks_.element(gradients_.signature().total, of_row, row.exists));
    return lets.around(blocks_.for_places(
        block, row, [&](const auto& at) { return differentiate(run, outer, at, shift, share); }));
  }

  Stmt differentiate(const Run& run, const Index& outer, const AttentionBlocks::Place& at, const Expr& shift,
                     const Expr& share) {
    const AttentionBody& parts = blocks_.parts();
    Loader& loader = blocks_.loader();
    const Expr place = blocks_.tile_place(at);
    const Index index = blocks_.at(outer, at.row.query, at.key);
    const auto read = [&](Value value, const Index& i) { return blocks_.element(value, i, at.valid); };
    const auto guarded = [&](const Expr& x) {
      return at.valid ? loop::select(at.valid, x, blocks_.number(0)) : x;
    };
    const auto bind = [&](Value value, const Expr& bound) {
      if (value) loader.bind(blocks_.flat(value), bound);
    };
    Lets lets;
    bind(blocks_.scores(), lets.add("s", loop::load(blocks_.weights(), place)));
    const Expr x = lets.add("x", read(parts.masked(), index));
    bind(parts.weights(), lets.add("p", guarded(OnlineSoftmax::exponential(x, shift) * share)));
    if (gradients_.signature().kept_cotangent) {
      bind(gradients_.signature().kept_cotangent, lets.add("dp", loop::load(blocks_.slopes(), place)));
    }
    bind(gradients_.signature().row_sum, loop::load(blocks_.row_values(delta), blocks_.row_place(at.row)));
    const Index kept_at = *parts.kept_index(index, loader.ranges());
    std::vector<Stmt> body;
    if (needs(run, 2)) {
      body.push_back(loop::store(blocks_.weights(), place, guarded(read(parts.kept(), kept_at))));
    }
    if (needs(run, 0) || needs(run, 1)) {
      const Expr slope = read(gradients_.signature().score_cotangent, blocks_.scores_index(index));
      body.push_back(loop::store(blocks_.slopes(), place, guarded(slope)));
    }
    for (const AttentionGradient* gradient : run.part.gradients) {
      if (gradient->operand <= 2) continue;
      const auto terms = gradients_.terms(gradient->value, index, read);
      Expr sum = loop::load(blocks_.extras(), place);
      for (const auto& term : terms) sum = sum + guarded(term.value);
      body.push_back(loop::store(blocks_.extras(), place, sum));
    }
    return lets.around(loop::block(std::move(body)));
  }

  bool needs(const Run& run, size_t operand) const {
    return std::ranges::any_of(run.part.gradients,
                               [&](const auto* gradient) { return gradient->operand == operand; });
  }

  Stmt store(const Run& run, const AttentionGradient& gradient) {
    const size_t operand = gradient.operand;
    const LaneGrid& grid = grids_[operand];
    const auto sums = sums_of(gradient);
    const int64_t block = operand == 0 ? blocks_.query_block() : blocks_.key_block();
    const int64_t extent = operand == 0 ? blocks_.queries() : blocks_.keys();
    const Expr first = operand == 0 ? run.query : run.key;
    return each(grid.elements(), [&](int64_t slot) {
      const Expr row = grid.row(slot / grid.columns), column = grid.column(slot % grid.columns);
      const Expr line = first + row;
      Expr exists;
      if (grid.tile_rows() != block) exists = row < loop::integer(block);
      if (extent % block != 0) exists = exists && line < loop::integer(extent);
      if (grid.tile_columns() != sums.columns) exists = exists && column < loop::integer(sums.columns);
      const Index index = operand == 0   ? blocks_.query_index(run.mine, line, column)
                          : operand == 1 ? blocks_.key_index(run.mine, line, column)
                                         : blocks_.value_index(run.mine, line, column);
      const Expr place = blocks_.loader().simplify(linearize(index, gradient.value.shape()));
      return loop::store(gradient.buffer, place, loop::load(sums_[operand], loop::integer(slot)), exists);
    });
  }

  // Adds up what the scores gave a gradient of what f or g reads, along the axes that it does not have.
  Stmt store_extra(const Run& run, const AttentionGradient& gradient) {
    const loop::BufferRef& tile = blocks_.extras();
    const Expr zero = loop::integer(0), lane = blocks_.tile().lane(), sum = loop::load(row_, zero);
    const Expr query = run.query ? run.query : zero, key = run.key ? run.key : zero;
    const int64_t rows = blocks_.grid().tile_rows(), columns = blocks_.grid().tile_columns();
    const auto keep = [&](const Expr& row, const Expr& column, const Expr& value, const Expr& exists) {
      const Expr place = gradients_.place_of(gradient, blocks_.at(run.mine, query + row, key + column));
      return loop::store(gradient.buffer, place, value, exists);
    };
    if (run.query != nullptr && run.key != nullptr) {
      return blocks_.for_rows(query, [&](const auto& row) {
        return blocks_.for_places({query, key, nullptr}, row, [&](const auto& at) {
          const Expr value = loop::load(tile, blocks_.tile_place(at));
          return keep(row.number, at.column, value, row.exists && blocks_.key_exists(key, at.column));
        });
      });
    }
    // A lane for each line of the tile that is left.
    const auto add_up = [&](int64_t lines, int64_t length, const std::function<Expr(Expr, Expr)>& element,
                            const std::function<Stmt(const Expr&)>& finish) {
      const int64_t rounds = (lines + blocks_.tile().lanes() - 1) / blocks_.tile().lanes();
      const auto round = blocks_.loader().variable("round", rounds);
      const auto other = blocks_.loader().variable("other", length);
      const Expr line = loop::variable(round) * blocks_.tile().lanes() + lane;
      const Stmt add = loop::store(row_, zero, sum + element(line, loop::variable(other)));
      Stmt body =
          loop::block({loop::store(row_, zero, blocks_.number(0)),
                       loop::loop(LoopKind::serial, other, zero, loop::integer(length), add), finish(line)});
      if (lines % blocks_.tile().lanes() != 0) body = loop::branch(line < loop::integer(lines), body);
      return loop::loop(LoopKind::serial, round, zero, loop::integer(rounds), body);
    };
    const auto across = [&](const Expr& row, const Expr& column) {
      return loop::load(tile, blocks_.tile_place(row, column));
    };
    if (run.key) {
      const auto down = [&](const Expr& column, const Expr& row) { return across(row, column); };
      return loop::block({loop::barrier(), add_up(columns, rows, down, [&](const Expr& column) {
                            return keep(zero, column, sum, blocks_.key_exists(key, column));
                          })});
    }
    if (run.query) {
      return loop::block({loop::barrier(), add_up(rows, columns, across, [&](const Expr& row) {
                            return keep(row, zero, sum, blocks_.query_exists(query, row));
                          })});
    }
    const Stmt of_rows = add_up(rows, columns, across,
                                [&](const Expr& row) { return loop::store(blocks_.weights(), row, sum); });
    const auto row_sum = [&](const Expr&, const Expr& row) { return loop::load(blocks_.weights(), row); };
    const Stmt of_all = add_up(1, rows, row_sum, [&](const Expr&) { return keep(zero, zero, sum, nullptr); });
    return loop::block({loop::barrier(), of_rows, loop::barrier(), of_all});
  }

  Template& t_;
  AttentionBlocks blocks_;
  AttentionGradients gradients_;
  std::vector<GradientPart> parts_;
  AttentionBlocks::Held held_;
  LaneGrid grids_[3];        // by operand
  loop::BufferRef sums_[3];  // of the lane, by operand
  loop::BufferRef row_;      // one value
};

std::vector<Numbers> backward_workgroups_choices(Template& t) {
  if (!t.target().has_workgroups()) return {};
  return {BackwardWorkgroups(t).best()};
}

loop::Kernel emit_backward_workgroups(Template& t, const Choice& choice) {
  ChoiceReader read(choice, t.kernel.location);
  return BackwardWorkgroups(t).run(read);
}

}  // namespace

constinit const Schedule kAttentionBackwardWorkgroups = {
    graph::Anchor::attention_backward, "attention_backward.workgroups", backward_workgroups_choices,
    emit_backward_workgroups};

}  // namespace sinter::passes
