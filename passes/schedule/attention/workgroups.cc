#include "passes/schedule/attention/blocks.h"
#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `attention` for workgroups: FlashAttention-2, algorithm 1. A workgroup takes a block of
// queries of one head. Blocks of keys run by: their scores are a product of tiles staged in shared memory,
// each row keeps its maximum and its sum of exponentials so far (the online softmax), and the weighted sum of
// values stays in registers.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

class AttentionWorkgroups {
 public:
  explicit AttentionWorkgroups(Template& t)
      : t_(t), blocks_(t, graph::Anchor::attention), sums_of_{false, blocks_.values()} {}

  Numbers best() { return blocks_.best({{{sums_of_}}, false}); }

  loop::Kernel run(ChoiceReader& read) {
    blocks_.use(read, {{{sums_of_}}, false});
    read.finish();
    sums_grid_ = blocks_.sums_grid(sums_of_, "sum");
    sums_ = blocks_.registers("sums", sums_grid_.elements());
    row_ = blocks_.registers("row", 1);
    const AttentionBody& parts = blocks_.parts();
    graph::Shape outer_shape = parts.domain;
    outer_shape[parts.key] = 1;
    if (parts.query) outer_shape[*parts.query] = 1;
    const int64_t blocks = blocks_.query_blocks(), groups = graph::element_count(outer_shape) * blocks;
    Loader& loader = blocks_.loader();
    const auto group = loader.variable("group", groups);
    const Expr g = loop::variable(group);
    const Index outer = delinearize(loader.simplify(g / blocks), outer_shape, loader.ranges());
    const Expr first = loader.simplify(g % blocks * blocks_.query_block());
    return t_.finish(loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(groups),
                                blocks_.allocate_shared(query_block(outer, first))));
  }

 private:
  // What row_values() hold: given away are a lane's greatest score and its part of the sum.
  enum Values : size_t { greatest, part, maximum, total, rescale };

  Expr row_value(Values values, const AttentionBlocks::Row& row) const {
    return loop::load(blocks_.row_values(values), blocks_.row_place(row));
  }
  Stmt set(Values values, const AttentionBlocks::Row& row, const Expr& value) const {
    return loop::store(blocks_.row_values(values), blocks_.row_place(row), value);
  }

  Stmt query_block(const Index& outer, const Expr& first) {
    Loader& loader = blocks_.loader();
    const auto [low, high] = blocks_.visible_keys(outer, {first, blocks_.query_block()});
    const bool all = loop::as_integer(low) && loop::as_integer(high) &&
                     blocks_.keys() % blocks_.key_block() == 0 &&
                     blocks_.key_block() == blocks_.grid().tile_columns();
    Lets bounds;
    const Expr begin = bounds.add("low", low), end = bounds.add("high", high);
    loader.ranges()[begin->variable] = {0, blocks_.keys() + 1};
    loader.ranges()[end->variable] = {0, blocks_.keys() + 1};
    const auto number = loader.variable("key_block", blocks_.key_blocks());
    const int64_t keys = blocks_.key_block();
    const Expr count = (loop::max(end - begin, loop::integer(0)) + (keys - 1)) / keys;
    Lets of_block;
    const Expr key = of_block.add("key0", begin + loop::variable(number) * keys);
    loader.ranges()[key->variable] = {0, blocks_.keys()};
    AttentionBlocks::Block block{first, key, nullptr};
    if (!all) {
      block.end = of_block.add("end", loop::min(end, key + keys));
      loader.ranges()[block.end->variable] = {0, blocks_.keys() + 1};
    }
    const Stmt run = loop::loop(LoopKind::serial, number, loop::integer(0), count,
                                of_block.around(key_block(outer, block)));
    const Stmt clear = each(sums_grid_.elements(), [&](int64_t slot) {
      return loop::store(sums_, loop::integer(slot), blocks_.number(0));
    });
    const Stmt start = blocks_.for_rows(first, [&](const auto& row) {
      return loop::block(
          {set(maximum, row, blocks_.number(OnlineSoftmax::kNone)), set(total, row, blocks_.number(0))});
    });
    Stmt body = loop::block({clear, start, run, finish(outer, first)});
    for (const auto& buffer : {sums_, row_}) body = loop::allocate(buffer, body);
    return bounds.around(blocks_.tile().around(body));
  }

  Stmt key_block(const Index& outer, const AttentionBlocks::Block& block) {
    const AttentionBody& parts = blocks_.parts();
    const Stmt scores = blocks_.multiply_rows(
        block, blocks_.width(),
        [&](const Expr& query, const Expr& w, const Expr& predicate) {
          return blocks_.element(parts.q, blocks_.query_index(outer, query, w), predicate);
        },
        [&](const Expr& key, const Expr& w, const Expr& predicate) {
          return blocks_.element(parts.k, blocks_.key_index(outer, key, w), predicate);
        },
        blocks_.weights());
    const Stmt mask_all =
        blocks_.for_rows(block.query, [&](const auto& row) { return mask(outer, block, row); });
    const Stmt weigh_all =
        blocks_.for_rows(block.query, [&](const auto& row) { return weigh(outer, block, row); });
    const Stmt totals = blocks_.for_rows(block.query, [&](const auto& row) {
      const Expr before = row_value(total, row) * row_value(rescale, row);
      return loop::block({blocks_.gather(row_, part, row, ScalarOp::add),
                          set(total, row, before + loop::load(row_, loop::integer(0)))});
    });
    const Stmt add = blocks_.multiply_tile(
        block, sums_of_, sums_grid_, blocks_.weights(),
        [&](const Expr& key, const Expr& u, const Expr& predicate) {
          return blocks_.element(parts.v, blocks_.value_index(outer, key, u), predicate);
        },
        sums_);
    return loop::block(
        {scores, mask_all, loop::barrier(), weigh_all, loop::barrier(), totals, scale_sums(rescale), add});
  }

  // The sums of each row times one of its values.
  Stmt scale_sums(Values values) {
    return each(sums_grid_.rows, [&](int64_t i) {
      AttentionBlocks::Row row;
      row.number = sums_grid_.row(i);
      Lets lets;
      const Expr factor = lets.add("factor", row_value(values, row));
      return lets.around(each(sums_grid_.columns, [&](int64_t j) {
        const Expr place = loop::integer(i * sums_grid_.columns + j);
        return loop::store(sums_, place, loop::load(sums_, place) * factor);
      }));
    });
  }

  // x = f(scores), and the greatest of a row.
  Stmt mask(const Index& outer, const AttentionBlocks::Block& block, const AttentionBlocks::Row& row) {
    const Expr zero = loop::integer(0);
    const Stmt scores = blocks_.for_places(block, row, [&](const auto& at) {
      const Expr slot = blocks_.tile_place(at);
      blocks_.loader().bind(blocks_.flat(blocks_.scores()), loop::load(blocks_.weights(), slot));
      Lets lets;
      const Expr x = lets.add(
          "x", blocks_.element(blocks_.parts().masked(), blocks_.at(outer, row.query, at.key), at.valid));
      const Expr before = loop::load(row_, zero);
      return lets.around(loop::block({loop::store(blocks_.weights(), slot, x),
                                      loop::store(row_, zero, OnlineSoftmax::greater(before, x, at.valid))}));
    });
    return loop::block({loop::store(row_, zero, row_value(maximum, row)), scores,
                        set(greatest, row, loop::load(row_, zero))});
  }

  // Turns the scores of a row into what is kept of their weights, before division by the sum.
  Stmt weigh(const Index& outer, const AttentionBlocks::Block& block, const AttentionBlocks::Row& row) {
    const AttentionBody& parts = blocks_.parts();
    Loader& loader = blocks_.loader();
    const Expr zero = loop::integer(0);
    Lets lets;
    const Expr most = lets.add("m", loop::load(row_, zero));
    const Expr shift = lets.add("shift", OnlineSoftmax::shift_of(most));
    const Stmt weights = blocks_.for_places(block, row, [&](const auto& at) {
      const Expr slot = blocks_.tile_place(at);
      const auto guarded = [&](const Expr& x) {
        return at.valid ? loop::select(at.valid, x, blocks_.number(0)) : x;
      };
      Lets inner;
      const Expr power = OnlineSoftmax::exponential(loop::load(blocks_.weights(), slot), shift);
      const Expr p = inner.add("p", guarded(power));
      loader.bind(blocks_.flat(parts.weights()), p);
      const Index kept = *parts.kept_index(blocks_.at(outer, row.query, at.key), loader.ranges());
      const Expr value = guarded(blocks_.element(parts.kept(), kept, at.valid));
      return inner.around(loop::block({loop::store(row_, zero, loop::load(row_, zero) + p),
                                       loop::store(blocks_.weights(), slot, value)}));
    });
    const Stmt rest = lets.around(
        loop::block({set(rescale, row, OnlineSoftmax::exponential(row_value(maximum, row), shift)),
                     set(maximum, row, most), loop::store(row_, zero, blocks_.number(0)), weights,
                     set(part, row, loop::load(row_, zero))}));
    return loop::block({blocks_.gather(row_, greatest, row, ScalarOp::max), rest});
  }

  Stmt finish(const Index& outer, const Expr& first) {
    Loader& loader = blocks_.loader();
    const auto& results = blocks_.core().results;
    const Stmt rows = blocks_.for_rows(first, [&](const auto& row) {
      Lets lets;
      const Expr most = lets.add("m", row_value(maximum, row));
      const Expr shift = lets.add("shift", OnlineSoftmax::shift_of(most));
      const Expr sum = lets.add("total", OnlineSoftmax::divisor(most, row_value(total, row)));
      std::vector<Stmt> body = {set(rescale, row, blocks_.number(1) / sum)};
      const Index index = blocks_.without_key(blocks_.at(outer, row.query, loop::integer(0)));
      for (size_t result : {1, 2}) {
        const loop::BufferRef buffer = blocks_.output(result);
        if (buffer == nullptr) continue;
        const Expr place = loader.simplify(linearize(index, results[result].shape));
        body.push_back(
            loop::store(buffer, place, result == 1 ? shift : sum, row.exists && blocks_.first_in_row()));
      }
      return lets.around(loop::block(std::move(body)));
    });
    const loop::BufferRef buffer = blocks_.output(0);
    if (buffer == nullptr) return rows;
    const Stmt values = each(sums_grid_.elements(), [&](int64_t slot) {
      const Expr row = sums_grid_.row(slot / sums_grid_.columns);
      const Expr u = sums_grid_.column(slot % sums_grid_.columns);
      Expr exists = blocks_.query_exists(first, row);
      if (sums_grid_.tile_columns() != blocks_.values())
        exists = exists && u < loop::integer(blocks_.values());
      const Index index = blocks_.result_index(outer, first + row, u);
      const Expr place = loader.simplify(linearize(index, results[0].shape));
      return loop::store(buffer, place, loop::load(sums_, loop::integer(slot)), exists);
    });
    return loop::block({rows, scale_sums(rescale), values});
  }

  Template& t_;
  AttentionBlocks blocks_;
  AttentionBlocks::Sums sums_of_;
  LaneGrid sums_grid_;
  loop::BufferRef sums_;  // of the lane: its part of the weighted sums of values
  loop::BufferRef row_;   // one value
};

std::vector<Numbers> workgroups_choices(Template& t) {
  if (!t.target().has_workgroups()) return {};
  return {AttentionWorkgroups(t).best()};
}

loop::Kernel emit_workgroups(Template& t, const Choice& choice) {
  ChoiceReader read(choice, t.kernel.location);
  return AttentionWorkgroups(t).run(read);
}

}  // namespace

constinit const Schedule kAttentionWorkgroups = {graph::Anchor::attention, "attention.workgroups",
                                                 workgroups_choices, emit_workgroups};

}  // namespace sinter::passes
