#include <algorithm>

#include "ir/error.h"
#include "ir/integers.h"
#include "passes/attention/axes.h"
#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/attention/thread_gradients.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `attention_backward`: FlashAttention-2, algorithm 2, with the loops exchanged. For a block
// of queries the blocks of keys run by, and the probabilities are computed again; the gradient of the queries
// is held, those of keys and values, and of what f and g read, are added up in memory, by one unit of work
// each.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

class BackwardSchedule {
 public:
  explicit BackwardSchedule(Template& t)
      : t_(t), tile_(t, graph::Anchor::attention_backward), gradients_(tile_) {
    std::vector<size_t> operands;
    for (const AttentionGradient& gradient : gradients_.all()) operands.push_back(gradient.operand);
    shared_ = gradients_.axes().common(operands);
  }

  AttentionTile& tile() { return tile_; }
  // Whether units divide the queries, or else the keys.
  bool is_by_query() const { return tile_.parts().query && shared_[*tile_.parts().query]; }
  bool is_by_key() const { return !is_by_query() && shared_[tile_.parts().key]; }

  // Of blocks of keys, where units divide them, each has `blocks_a_run`.
  loop::Kernel run(int64_t blocks_a_run) {
    const AttentionBody& parts = tile_.parts();
    const bool by_query = is_by_query(), by_key = is_by_key();
    graph::Shape parallel = parts.domain, serial = parts.domain;
    for (size_t axis = 0; axis < parallel.size(); ++axis) {
      const bool rows = axis == parts.key || axis == parts.query;
      (rows || !shared_[axis] ? parallel : serial)[axis] = 1;
      if (rows) serial[axis] = 1;
    }
    const int64_t key_blocks = ceil_div(tile_.keys(), tile_.key_block());
    const int64_t key_runs = ceil_div(key_blocks, blocks_a_run);
    const int64_t runs = by_query ? tile_.query_blocks() : by_key ? key_runs : 1;
    const int64_t units = graph::element_count(parallel) * runs;

    Loader& loader = tile_.loader();
    const auto unit = loader.variable("unit", units);
    const Expr u = loop::variable(unit);
    const Index mine = delinearize(loader.simplify(u / runs), parallel, loader.ranges());
    const Expr run = loader.simplify(u % runs);
    Part part{loop::integer(0), loop::integer(tile_.keys()), nullptr};
    if (by_key) {
      const int64_t keys = blocks_a_run * tile_.key_block();
      part.low = run * keys;
      part.high = loop::min(run * keys + keys, loop::integer(tile_.keys()));
    }
    if (by_query) part.query_block = run;
    serial_ = serial;
    held_ = std::ranges::all_of(serial, [](int64_t extent) { return extent == 1; });

    const auto [low, high] = tile_.needed_keys(mine, {loop::integer(0), tile_.queries()});
    const bool sees_all = loop::as_integer(low) == 0 && loop::as_integer(high) == tile_.keys();
    keys_once_ = held_ && sees_all && tile_.query_blocks() == 1;
    std::vector<Stmt> body =
        gradients_.clear(mine, serial, {part.low, part.high}, queries_of(part), keys_once_);
    body.push_back(for_serial(mine, [&](const Index& outer) { return query_blocks(outer, part); }));
    Stmt all = loop::block(std::move(body));
    return t_.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), all));
  }

 private:
  struct Part {
    Expr low, high;    // keys
    Expr query_block;  // null: all of them
  };

  ThreadGradients::QueryRange queries_of(const Part& part) const {
    if (!part.query_block) return {loop::integer(0), loop::integer(tile_.queries())};
    const Expr first = part.query_block * tile_.query_block();
    return {first, loop::min(loop::integer(tile_.query_block()), loop::integer(tile_.queries()) - first)};
  }

  Stmt for_serial(const Index& mine, const std::function<Stmt(const Index&)>& body) {
    Index outer = mine;
    std::vector<loop::VariableRef> variables;
    for (size_t axis = 0; axis < serial_.size(); ++axis) {
      if (serial_[axis] == 1) continue;
      variables.push_back(tile_.loader().variable("outer", serial_[axis]));
      outer[axis] = loop::variable(variables.back());
    }
    Stmt result = body(outer);
    for (size_t axis = serial_.size(); axis-- > 0;) {
      if (serial_[axis] == 1) continue;
      result = loop::loop(LoopKind::serial, variables.back(), loop::integer(0), loop::integer(serial_[axis]),
                          result);
      variables.pop_back();
    }
    return result;
  }

  Stmt query_blocks(const Index& outer, const Part& part) {
    const auto one = [&](const Expr& block) {
      return tile_.for_query_block(block,
                                   [&](const QueryRows& rows) { return query_block(outer, part, rows); });
    };
    if (part.query_block) return one(part.query_block);
    const auto block = tile_.loader().variable("query_block", tile_.query_blocks());
    return loop::loop(LoopKind::serial, block, loop::integer(0), loop::integer(tile_.query_blocks()),
                      one(loop::variable(block)));
  }

  Stmt query_block(const Index& outer, const Part& part, const QueryRows& rows) {
    queries_ = tile_.lines("queries", tile_.width());
    cotangents_ = has_slopes() ? tile_.lines("cotangents", tile_.values()) : nullptr;
    gradient_ = tile_.matrix("gradient", tile_.width());
    shifts_ = tile_.lines("shifts", 1);
    shares_ = tile_.lines("shares", 1);
    deltas_ = has_deltas() ? tile_.lines("deltas", 1) : nullptr;
    weights_ = tile_.lines("weights", tile_.key_block());
    slopes_ = has_slopes() ? tile_.lines("slopes", tile_.key_block()) : nullptr;
    const auto [visible, end] = tile_.needed_keys(outer, rows);
    const Expr low = loop::max(visible, part.low), high = loop::min(end, part.high);
    at_once_ = tile_.is_at_once(low, high);
    const bool of_queries = gradients_.of(0) != nullptr && !at_once_;
    std::vector<Stmt> body = {
        tile_.transpose_in(queries_, rows, tile_.width(),
                           [&](const Expr& query, const Expr& w, const Expr& predicate) {
                             return tile_.element(tile_.parts().q, tile_.query_index(outer, query, w),
                                                  predicate);
                           }),
    };
    if (has_slopes()) {
      body.push_back(tile_.transpose_in(
          cotangents_, rows, tile_.values(), [&](const Expr& query, const Expr& u, const Expr& predicate) {
            return tile_.element(gradients_.signature().cotangent, tile_.result_index(outer, query, u),
                                 predicate);
          }));
    }
    body.push_back(statistics(outer, rows));
    if (of_queries) body.push_back(tile_.clear(gradient_));
    body.push_back(
        tile_.for_key_blocks(low, high, [&](const KeyRows& keys) { return key_block(outer, rows, keys); }));
    if (of_queries) body.push_back(store_queries(outer, rows));
    Stmt result = loop::block(std::move(body));
    if (of_queries) result = loop::allocate(gradient_, result);
    for (const auto& buffer : {queries_, cotangents_, shifts_, shares_, deltas_, weights_, slopes_}) {
      if (buffer) result = loop::allocate(buffer, result);
    }
    return result;
  }

  // The cotangents of the weights that are kept are needed for all gradients but that of the values.
  bool has_slopes() const { return static_cast<bool>(gradients_.signature().kept_cotangent); }
  bool has_deltas() const { return static_cast<bool>(gradients_.signature().row_sum); }

  // Of each row: what its exponentials are shifted and multiplied by, and the sum of result times cotangent,
  // which is the sum of its probabilities times their cotangents.
  Stmt statistics(const Index& outer, const QueryRows& rows) {
    Loader& loader = tile_.loader();
    const Stmt of_lanes = tile_.for_queries(rows, [&](const QueryLane& lane) {
      const Index row = tile_.without_key(tile_.at(outer, lane.index, loop::integer(0)));
      std::vector<Stmt> body = {
          loop::store(shifts_, lane.column, tile_.element(gradients_.signature().shift, row, lane.predicate)),
          loop::store(shares_, lane.column,
                      tile_.number(1) / tile_.element(gradients_.signature().total, row, lane.predicate))};
      if (has_deltas()) body.push_back(loop::store(deltas_, lane.column, tile_.number(0)));
      return loop::block(std::move(body));
    });
    if (!has_deltas()) return of_lanes;
    const auto row = loader.variable("row", rows.count);
    const Expr query = rows.first + loop::variable(row);
    const auto product = [&](const VectorPoint& at) {
      const Index place = tile_.result_index(outer, query, at.index);
      return tile_.element(gradients_.signature().out, place, at.predicate) *
             tile_.element(gradients_.signature().cotangent, place, at.predicate);
    };
    const loop::BufferRef sums = local_buffer("delta", tile_.type(), tile_.lanes());
    const auto lane = loader.variable("lane", tile_.lanes());
    const auto all_lanes = [&](Stmt body) {
      return loop::loop(LoopKind::vector, lane, loop::integer(0), loop::integer(tile_.lanes()),
                        std::move(body));
    };
    const Expr sum = loop::load(sums, loop::variable(lane));
    const Stmt products = loop::block({
        all_lanes(loop::store(sums, loop::variable(lane), tile_.number(0))),
        vector_loop(loader, "u", tile_.values(), tile_.lanes(),
                    [&](const VectorPoint& at) {
                      return loop::store(sums, at.lane, loop::load(sums, at.lane, at.predicate) + product(at),
                                         at.predicate);
                    }),
        all_lanes(loop::store(deltas_, loop::variable(row), loop::apply(ScalarOp::lane_sum, {sum}))),
    });
    return loop::block({of_lanes, loop::allocate(sums, loop::loop(LoopKind::serial, row, loop::integer(0),
                                                                  loop::integer(rows.count), products))});
  }

  Stmt key_block(const Index& outer, const QueryRows& rows, const KeyRows& block) {
    const KeyRows keys = tile_.with_seen(outer, rows, block);
    const AttentionBody& parts = tile_.parts();
    std::vector<Stmt> body = {
        tile_.keys_by_queries("scores_tile", weights_, rows, keys, tile_.width(), queries_,
                              [&](const Expr& key, const Expr& w) {
                                return tile_.element(parts.k, tile_.key_index(outer, key, w));
                              }),
    };
    if (has_slopes()) {
      body.push_back(tile_.keys_by_queries("slopes_tile", slopes_, rows, keys, tile_.values(), cotangents_,
                                           [&](const Expr& key, const Expr& u) {
                                             return tile_.element(parts.v, tile_.value_index(outer, key, u));
                                           }));
    }
    body.push_back(
        tile_.for_queries(rows, [&](const QueryLane& lane) { return differentiate(outer, keys, lane); }));
    if (const auto* gradient = gradients_.of(2)) {
      body.push_back(add_to_keys(
          "values_tile", *gradient, weights_, rows, keys, tile_.values(),
          [&](const Expr& query, const Expr& u, const Expr& predicate) {
            return tile_.element(gradients_.signature().cotangent, tile_.result_index(outer, query, u),
                                 predicate);
          },
          [&](const Expr& key, const Expr& u) { return tile_.value_index(outer, key, u); }));
    }
    if (const auto* gradient = gradients_.of(1)) {
      body.push_back(add_to_keys(
          "keys_tile", *gradient, slopes_, rows, keys, tile_.width(),
          [&](const Expr& query, const Expr& w, const Expr& predicate) {
            return tile_.element(parts.q, tile_.query_index(outer, query, w), predicate);
          },
          [&](const Expr& key, const Expr& w) { return tile_.key_index(outer, key, w); }));
    }
    if (gradients_.of(0) != nullptr) body.push_back(add_to_queries(outer, rows, keys));
    return loop::block(std::move(body));
  }

  // Turns scores into what is kept of the weights, and its cotangents into those of the scores.
  Stmt differentiate(const Index& outer, const KeyRows& keys, const QueryLane& lane) {
    const AttentionBody& parts = tile_.parts();
    Loader& loader = tile_.loader();
    const Stmt seen = tile_.for_keys_seen(keys, lane, [&](const Expr& row) {
      const Expr slot = tile_.slot(weights_, row, lane.column);
      const Index at = tile_.at(outer, lane.index, keys.first + row);
      Lets lets;
      const Expr score = lets.add("s", loop::load(weights_, slot));
      loader.bind(tile_.flat(tile_.scores()), score);
      const Expr x = lets.add("x", tile_.in_lane(parts.masked(), at, lane));
      const Expr power = OnlineSoftmax::exponential(x, loop::load(shifts_, lane.column));
      const Expr weight = lets.add("p", power * loop::load(shares_, lane.column));
      loader.bind(tile_.flat(parts.weights()), weight);
      if (has_slopes())
        loader.bind(tile_.flat(gradients_.signature().kept_cotangent), loop::load(slopes_, slot));
      if (has_deltas())
        loader.bind(tile_.flat(gradients_.signature().row_sum), loop::load(deltas_, lane.column));
      const Index kept_at = *parts.kept_index(at, loader.ranges());
      const Expr kept = lets.add("kept", tile_.in_lane(parts.kept(), kept_at, lane));
      std::vector<Stmt> body = gradients_.add_to_extras(at, lane);
      if (const Value slope = gradients_.signature().score_cotangent) {
        const Index scores_at = tile_.scores_index(at);
        body.push_back(loop::store(slopes_, slot, tile_.in_lane(slope, scores_at, lane)));
      }
      body.push_back(loop::store(weights_, slot, kept));
      return lets.around(loop::block(std::move(body)));
    });
    const Stmt beyond = tile_.for_keys_beyond(keys, lane, [&](const Expr& row) {
      const Expr slot = tile_.slot(weights_, row, lane.column);
      const Stmt clear = loop::store(weights_, slot, tile_.number(0));
      return has_slopes() ? loop::block({clear, loop::store(slopes_, slot, tile_.number(0))}) : clear;
    });
    return loop::block({seen, beyond});
  }

  // gradient[key, column] += sum over queries of tile[key, query] * right(query, column).
  Stmt add_to_keys(
      const char* name, const AttentionGradient& gradient, const loop::BufferRef& tile, const QueryRows& rows,
      const KeyRows& keys, int64_t columns,
      const std::function<Expr(const Expr& query, const Expr& column, const Expr& predicate)>& right,
      const std::function<Index(const Expr& key, const Expr& column)>& index) {
    MatrixProduct p;
    p.name = name;
    p.row_tiles = keys.tiles;
    p.most_tiles = tile_.key_block() / tile_.rows();
    p.more_rows = keys.more;
    p.columns = columns;
    p.set_depth(rows.count, tile_.panel());
    if (keys.seen && p.depth_unroll == tile_.panel()) {
      p.needs = [&](const Expr& row, const Expr& query) { return row < keys.seen(query, tile_.panel()); };
    }
    p.base = [&](const Expr& row) { return tile_.slot(tile, row, loop::integer(0)); };
    p.base_end = tile->size;
    p.left = [&](const Expr& base, const Expr& t) {
      return loop::load(tile, tile_.loader().simplify(base + tile_.slot(tile, loop::integer(0), t)));
    };
    p.right = [&](const Expr& t, const Expr& column, const Expr& predicate) {
      return right(rows.first + t, column, predicate);
    };
    const bool is_exact = loop::as_integer(keys.count).has_value();
    if (!is_exact) p.holds = [&](const Expr& row) { return row < keys.count; };
    p.finish = [&, columns](const Expr& row, const Expr& column, const Expr& predicate, const Expr& value) {
      const Expr place =
          tile_.place(index(keys.first + row, column), gradient.value.shape(), column, columns);
      const Expr sum = keys_once_ ? value : loop::load(gradient.buffer, place, predicate) + value;
      return loop::store(gradient.buffer, place, sum, predicate);
    };
    return tile_.emit(p);
  }

  Stmt add_to_queries(const Index& outer, const QueryRows& rows, const KeyRows& keys) {
    return tile_.queries_by_width(
        "queries_tile", rows, keys, slopes_, tile_.width(),
        [&](const Expr& key, const Expr& w, const Expr& predicate) {
          return tile_.element(tile_.parts().k, tile_.key_index(outer, key, w), predicate);
        },
        [&](const Expr& row, const Expr& w, const Expr& predicate, const Expr& value) {
          if (at_once_) return store_query(outer, rows, row, w, predicate, value);
          const Expr slot = row * tile_.width() + w;
          return loop::store(gradient_, slot, loop::load(gradient_, slot, predicate) + value, predicate);
        });
  }

  Stmt store_queries(const Index& outer, const QueryRows& rows) {
    return tile_.for_elements(rows, tile_.width(), [&](const Expr& row, const VectorPoint& w) {
      const Expr sum = loop::load(gradient_, row * tile_.width() + w.index, w.predicate);
      return store_query(outer, rows, row, w.index, w.predicate, sum);
    });
  }

  Stmt store_query(const Index& outer, const QueryRows& rows, const Expr& row, const Expr& w,
                   const Expr& predicate, const Expr& sum) {
    const AttentionGradient& gradient = *gradients_.of(0);
    const Index index = tile_.query_index(outer, rows.first + row, w);
    const Expr place = tile_.place(index, gradient.value.shape(), w, tile_.width());
    const Expr value = held_ ? sum : loop::load(gradient.buffer, place, predicate) + sum;
    return loop::store(gradient.buffer, place, value, predicate);
  }

  Template& t_;
  AttentionTile tile_;
  ThreadGradients gradients_;
  AttentionAxes::Axes shared_;  // by axis of the domain: whether units divide it
  graph::Shape serial_;
  bool held_ = true;        // whether a unit meets each row of queries once
  bool keys_once_ = false;  // whether each key once, all of its queries in one block
  bool at_once_ = false;    // whether a block of queries sees its keys in one block
  loop::BufferRef queries_, cotangents_, gradient_, shifts_, shares_, deltas_, weights_, slopes_;
};

std::vector<Numbers> backward_choices(Template& t) {
  constexpr int64_t kMostRuns = 16;
  if (t.target().has_workgroups()) return {};
  BackwardSchedule schedule(t);
  const AttentionTile& tile = schedule.tile();
  const AttentionTileSizes best = tile.best();
  Numbers numbers = AttentionTile::numbers_of(best);
  if (schedule.is_by_key())
    numbers.push_back({"blocks", {ceil_div(ceil_div(tile.keys(), best.keys), kMostRuns)}});
  return {numbers};
}

loop::Kernel emit_backward(Template& t, const Choice& choice) {
  BackwardSchedule schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  const AttentionTileSizes sizes = schedule.tile().read(read);
  schedule.tile().use(sizes);
  const int64_t blocks =
      schedule.is_by_key() ? read.number("blocks", 1, ceil_div(schedule.tile().keys(), sizes.keys)) : 1;
  read.finish();
  return schedule.run(blocks);
}

}  // namespace

constinit const Schedule kAttentionBackwardThreads = {
    graph::Anchor::attention_backward, "attention_backward.threads", backward_choices, emit_backward};

}  // namespace sinter::passes
