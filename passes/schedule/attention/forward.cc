#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/attention/tile.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `attention`: FlashAttention-2, algorithm 1. For a block of queries the blocks of keys run
// by; each row keeps its maximum and its sum of exponentials so far (the online softmax), and the weighted
// sum of values is scaled when the maximum moves.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

class AttentionSchedule {
 public:
  explicit AttentionSchedule(Template& t) : t_(t), tile_(t, graph::Anchor::attention) {}

  AttentionTile& tile() { return tile_; }

  loop::Kernel run() {
    const AttentionBody& parts = tile_.parts();
    graph::Shape outer_shape = parts.domain;
    outer_shape[parts.key] = 1;
    if (parts.query) outer_shape[*parts.query] = 1;
    const int64_t blocks = tile_.query_blocks(), units = graph::element_count(outer_shape) * blocks;
    Loader& loader = tile_.loader();
    const auto unit = loader.variable("unit", units);
    const Expr u = loop::variable(unit);
    const Index outer = delinearize(loader.simplify(u / blocks), outer_shape, loader.ranges());
    const Stmt body = tile_.for_query_block(loader.simplify(u % blocks),
                                            [&](const QueryRows& rows) { return query_block(outer, rows); });
    return t_.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), body));
  }

 private:
  Stmt query_block(const Index& outer, const QueryRows& rows) {
    queries_ = tile_.lines("queries", tile_.width());
    sums_ = tile_.matrix("sums", tile_.values());
    scores_ = tile_.lines("scores", tile_.key_block());
    maximum_ = tile_.lines("maximum", 1);
    total_ = tile_.lines("total", 1);
    rescale_ = tile_.lines("rescale", 1);
    const auto [low, high] = tile_.needed_keys(outer, rows);
    at_once_ = tile_.is_at_once(low, high);
    std::vector<Stmt> body = {
        tile_.transpose_in(queries_, rows, tile_.width(),
                           [&](const Expr& query, const Expr& w, const Expr& predicate) {
                             return tile_.element(tile_.parts().q, tile_.query_index(outer, query, w),
                                                  predicate);
                           }),
    };
    if (!at_once_) {
      body.push_back(tile_.fill(maximum_, rows, 1, OnlineSoftmax::kNone));
      body.push_back(tile_.fill(total_, rows, 1, 0));
      body.push_back(tile_.clear(sums_));
    }
    body.push_back(
        tile_.for_key_blocks(low, high, [&](const KeyRows& keys) { return key_block(outer, rows, keys); }));
    if (!at_once_) body.push_back(finish(outer, rows));
    Stmt result = loop::block(std::move(body));
    for (const auto& buffer : {queries_, scores_, rescale_}) result = loop::allocate(buffer, result);
    if (!at_once_) {
      for (const auto& buffer : {sums_, maximum_, total_}) result = loop::allocate(buffer, result);
    }
    return result;
  }

  Stmt key_block(const Index& outer, const QueryRows& rows, const KeyRows& block) {
    const KeyRows keys = tile_.with_seen(outer, rows, block);
    std::vector<Stmt> body = {
        tile_.keys_by_queries("scores_tile", scores_, rows, keys, tile_.width(), queries_,
                              [&](const Expr& key, const Expr& w) {
                                return tile_.element(tile_.parts().k, tile_.key_index(outer, key, w));
                              }),
        tile_.for_queries(rows, [&](const QueryLane& lane) { return weigh(outer, keys, lane); }),
    };
    if (!at_once_ || tile_.output(0) != nullptr) body.push_back(add_values(outer, rows, keys));
    return loop::block(std::move(body));
  }

  // Turns the scores of a block of keys into what is kept of their weights, before division by the sum.
  Stmt weigh(const Index& outer, const KeyRows& keys, const QueryLane& lane) {
    const AttentionBody& parts = tile_.parts();
    Loader& loader = tile_.loader();
    const auto one = [&](const char* name) { return local_buffer(name, tile_.type(), tile_.lanes()); };
    const auto greatest = one("greatest"), sum = one("sum");
    const Expr place = lane.lane;
    const Stmt mask = tile_.for_keys_seen(keys, lane, [&](const Expr& key) {
      const Expr slot = tile_.slot(scores_, key, lane.column);
      loader.bind(tile_.flat(tile_.scores()), loop::load(scores_, slot));
      Lets lets;
      const Expr x =
          lets.add("x", tile_.in_lane(parts.masked(), tile_.at(outer, lane.index, keys.first + key), lane));
      const Expr before = loop::load(greatest, place);
      return lets.around(loop::block(
          {loop::store(scores_, slot, x), loop::store(greatest, place, OnlineSoftmax::greater(before, x))}));
    });
    Lets lets;
    const Expr maximum = lets.add("m", loop::load(greatest, place));
    const Expr shift = lets.add("shift", OnlineSoftmax::shift_of(maximum));
    std::vector<Stmt> after;
    Expr rescale;
    if (!at_once_) {
      rescale = lets.add("r", OnlineSoftmax::exponential(loop::load(maximum_, lane.column), shift));
      after.push_back(loop::store(maximum_, lane.column, maximum));
      after.push_back(loop::store(rescale_, lane.column, rescale));
    }
    const Stmt weights = tile_.for_keys_seen(keys, lane, [&](const Expr& key) {
      const Expr slot = tile_.slot(scores_, key, lane.column);
      Lets inner;
      const Expr p = inner.add("p", OnlineSoftmax::exponential(loop::load(scores_, slot), shift));
      loader.bind(tile_.flat(parts.weights()), p);
      const Index kept = *parts.kept_index(tile_.at(outer, lane.index, keys.first + key), loader.ranges());
      const Expr value = tile_.in_lane(parts.kept(), kept, lane);
      return inner.around(loop::block(
          {loop::store(sum, place, loop::load(sum, place) + p), loop::store(scores_, slot, value)}));
    });
    after.push_back(loop::store(sum, place, tile_.number(0)));
    after.push_back(weights);
    after.push_back(tile_.for_keys_beyond(keys, lane, [&](const Expr& key) {
      return loop::store(scores_, tile_.slot(scores_, key, lane.column), tile_.number(0));
    }));
    if (at_once_) {
      after.push_back(finish_row(outer, lane, maximum, shift, loop::load(sum, place)));
    } else {
      const Expr total = loop::load(total_, lane.column);
      after.push_back(loop::store(total_, lane.column, total * rescale + loop::load(sum, place)));
    }
    const Expr start = at_once_ ? tile_.number(OnlineSoftmax::kNone) : loop::load(maximum_, lane.column);
    const Stmt body =
        loop::block({loop::store(greatest, place, start), mask, lets.around(loop::block(std::move(after)))});
    return loop::allocate(greatest, loop::allocate(sum, body));
  }

  Stmt add_values(const Index& outer, const QueryRows& rows, const KeyRows& keys) {
    return tile_.queries_by_width(
        "sums_tile", rows, keys, scores_, tile_.values(),
        [&](const Expr& key, const Expr& u, const Expr& predicate) {
          return tile_.element(tile_.parts().v, tile_.value_index(outer, key, u), predicate);
        },
        [&](const Expr& row, const Expr& u, const Expr& predicate, const Expr& value) {
          if (at_once_) return store_result(outer, rows, row, u, predicate, value);
          const Expr slot = row * tile_.values() + u;
          const Expr before = loop::load(sums_, slot, predicate) * loop::load(rescale_, row);
          return loop::store(sums_, slot, before + value, predicate);
        });
  }

  // The row's statistics; `rescale` then holds what its sums are multiplied by.
  Stmt finish_row(const Index& outer, const QueryLane& lane, const Expr& most, const Expr& shift,
                  const Expr& sum) {
    Lets lets;
    const Expr total = lets.add("total", OnlineSoftmax::divisor(most, sum));
    std::vector<Stmt> stores = {loop::store(rescale_, lane.column, tile_.number(1) / total)};
    const Index row = tile_.without_key(tile_.at(outer, lane.index, loop::integer(0)));
    for (size_t result : {1, 2}) {
      const loop::BufferRef buffer = tile_.output(result);
      if (buffer == nullptr) continue;
      const Expr place = tile_.loader().simplify(linearize(row, tile_.core().results[result].shape));
      stores.push_back(tile_.store_row(buffer, place, result == 1 ? shift : total, lane));
    }
    return lets.around(loop::block(std::move(stores)));
  }

  Stmt store_result(const Index& outer, const QueryRows& rows, const Expr& row, const Expr& u,
                    const Expr& predicate, const Expr& sum) {
    const Index index = tile_.result_index(outer, rows.first + row, u);
    const Expr place = tile_.place(index, tile_.core().results[0].shape, u, tile_.values());
    return loop::store(tile_.output(0), place, sum * loop::load(rescale_, row), predicate);
  }

  Stmt finish(const Index& outer, const QueryRows& rows) {
    std::vector<Stmt> body;
    body.push_back(tile_.for_queries(rows, [&](const QueryLane& lane) {
      Lets lets;
      const Expr maximum = loop::load(maximum_, lane.column);
      const Expr shift = lets.add("shift", OnlineSoftmax::shift_of(maximum));
      return lets.around(finish_row(outer, lane, maximum, shift, loop::load(total_, lane.column)));
    }));
    if (tile_.output(0) != nullptr) {
      body.push_back(tile_.for_elements(rows, tile_.values(), [&](const Expr& row, const VectorPoint& u) {
        const Expr sum = loop::load(sums_, row * tile_.values() + u.index, u.predicate);
        return store_result(outer, rows, row, u.index, u.predicate, sum);
      }));
    }
    return loop::block(std::move(body));
  }

  Template& t_;
  AttentionTile tile_;
  bool at_once_ = false;  // whether a block of queries sees its keys in one block: nothing is scaled again
  loop::BufferRef queries_, sums_, scores_, maximum_, total_, rescale_;
};

std::vector<Numbers> forward_choices(Template& t) {
  if (t.target().has_workgroups()) return {};
  return {AttentionTile::numbers_of(AttentionTile(t, graph::Anchor::attention).best())};
}

loop::Kernel emit_forward(Template& t, const Choice& choice) {
  AttentionSchedule schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  schedule.tile().use(schedule.tile().read(read));
  read.finish();
  return schedule.run();
}

}  // namespace

constinit const Schedule kAttentionThreads = {graph::Anchor::attention, "attention.threads", forward_choices,
                                              emit_forward};

}  // namespace sinter::passes
