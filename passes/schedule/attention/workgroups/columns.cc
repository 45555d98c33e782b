#include <algorithm>

#include "ir/integers.h"
#include "passes/schedule/attention/workgroups/blocks.h"
#include "passes/schedule/core/workgroup.h"

// How columns run by, a block at a time: which blocks, and how their lines come to shared memory.
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

namespace {

constexpr int64_t kMostRounds = 16;  // of loads that are under way at once

LoopKind kind_of_rounds(int64_t rounds) {
  return rounds <= kMostRounds ? LoopKind::unrolled : LoopKind::serial;
}

}  // namespace

Stmt AttentionBlocks::for_key_blocks(const Index& outer, Block block, const OfBlock& fetch,
                                     const OfBlock& body) {
  const auto [low, high] = seen_by(outer, block.row, grid_.block_rows());
  const int64_t in_block = grid_.block_columns(), most = ceil_div(keys(), in_block);
  Lets bounds;
  const Expr begin = bound(bounds, "first_block", low / in_block, most);
  const Expr end = bound(bounds, "end_block", (high + (in_block - 1)) / in_block, most);
  const auto number = loader().variable("key_block", most);
  Stmt first = loop::block({});
  if (grid_.fetches_ahead) {
    const auto start = loader().variable("start", most);
    Block of_start = block;
    of_start.column = loop::variable(start) * in_block;
    first = loop::branch(begin < end, loop::let(start, begin, fetch(of_start)));
    block.number = loop::variable(number);
    block.most = most;
    block.has_next = block.number < end - 1;
  }
  block.column = loop::variable(number) * in_block;
  const Stmt all =
      loop::loop(LoopKind::serial, number, begin, loop::max(end - begin, loop::integer(0)), body(block));
  return bounds.around(loop::block({first, all}));
}

// A block that is left out fetches what the next one begins with, if that is computed.
Stmt AttentionBlocks::for_column_blocks(Block block, const std::function<Expr(const Block&)>& is_seen,
                                        const OfBlock& fetch, const OfBlock& body) {
  const int64_t in_block = grid_.block_columns();
  const int64_t most = ceil_div(extent(!block.rows_are_keys), in_block);
  const auto number = loader().variable("column_block", most);
  Block now = block;
  now.column = loop::variable(number) * in_block;
  if (!grid_.fetches_ahead) {
    return loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(most),
                      loop::branch(is_seen(now), body(now)));
  }
  Block first = block, next = block;
  first.column = loop::integer(0);
  now.number = loop::variable(number);
  now.most = most;
  next.column = (now.number + 1) * in_block;
  now.has_next = now.number < loop::integer(most - 1) && is_seen(next);
  const Stmt skip = most > 1 ? ahead(now, fetch) : nullptr;
  const Stmt each_block = loop::branch(is_seen(now), body(now), skip);
  return loop::block(
      {loop::branch(is_seen(first), fetch(first)),
       loop::loop(LoopKind::serial, number, loop::integer(0), loop::integer(most), each_block)});
}

Stmt AttentionBlocks::ahead(const Block& block, const OfBlock& fetch) {
  if (!block.has_next || block.most < 2) return loop::block({});
  const auto number = loader().variable("ahead", block.most - 1);
  Block next = block;
  next.column = (loop::variable(number) + 1) * grid_.block_columns();
  const Stmt body = fetch(next);
  return body->body.empty() ? body : loop::branch(block.has_next, loop::let(number, block.number, body));
}

// Lanes take fours one after the other.
Stmt AttentionBlocks::for_fours(int64_t length, int64_t count, const std::function<Stmt(const Four&)>& body) {
  Loader::Scope scope(loader());
  const int64_t fours = ceil_div(length, 4), all = fours * count, rounds = ceil_div(all, grid_.lanes);
  const auto round = loader().variable("round", rounds);
  Lets lets;
  const auto named = [&](const char* what, const Expr& value, int64_t end) {
    const Expr name = lets.add(what, loader().simplify(value));
    loader().ranges()[name->variable] = {0, end};
    return name;
  };
  const Expr number = named("four", loop::variable(round) * grid_.lanes + lane_, rounds * grid_.lanes);
  const Expr in_block = named("in_block", number / fours, ceil_div(rounds * grid_.lanes, fours));
  const Expr begin = named("w", number % fours * 4, 4 * fours);
  Stmt all_of = body({loop::variable(round), in_block, begin});
  if (all % grid_.lanes != 0) all_of = loop::branch(number < loop::integer(all), all_of);
  return repeat(round, rounds, kind_of_rounds(rounds), lets.around(all_of));
}

// Its elements, by a vector loop of four.
Stmt AttentionBlocks::bring(const Lines& lines, const Four& four, const Expr& first, int64_t count,
                            const std::function<Stmt(const Expr& d, const Expr& value)>& keep) {
  Lets lets;
  const auto d = loader().variable("d", 4);
  const Expr of_all = first + four.in_block;
  const Expr own = lets.add("line", loader().simplify(clamped(of_all, lines.of_keys, count)));
  loader().ranges()[own->variable] = {0, extent(lines.of_keys)};
  const Expr w = four.begin + loop::variable(d);
  Expr value = lines.element(own, w, lines.length % 4 == 0 ? nullptr : w < loop::integer(lines.length));
  if (const Expr is_there = exists(of_all, lines.of_keys, count))
    value = loop::select(is_there, value, number(0));
  return lets.around(
      loop::loop(LoopKind::vector, d, loop::integer(0), loop::integer(4), keep(loop::variable(d), value)));
}

Expr AttentionBlocks::place_of(const Stage& stage, const Four& four, const Expr& d) {
  return (four.in_block * stage.line + four.begin) + d;
}

Stmt AttentionBlocks::stage(const Stage& to, const Lines& lines, const Expr& first, int64_t count) {
  return for_fours(lines.length, count, [&](const Four& four) {
    return bring(lines, four, first, count, [&](const Expr& d, const Expr& value) {
      return loop::store(to.buffer, place_of(to, four, d), value);
    });
  });
}

Stmt AttentionBlocks::stage_rows(const Block& block, const std::vector<Lines>& rows) {
  std::vector<Stmt> body;
  for (size_t i = 0; grid_.stages_rows && i < rows.size(); ++i) {
    body.push_back(stage(row_stages_[i], rows[i], block.row, grid_.block_rows()));
  }
  return loop::block(std::move(body));
}

Stmt AttentionBlocks::stage_columns(const Block& block, const Lines& columns, size_t which) {
  const Stage& to = column_stage(which);
  const int64_t count = grid_.block_columns();
  if (!block.has_next) return stage(to, columns, block.column, count);
  return for_fours(columns.length, count, [&](const Four& four) {
    const auto d = loader().variable("d", 4);
    const Expr value = loop::load(fetched(which), four.round * 4 + loop::variable(d));
    return loop::loop(LoopKind::vector, d, loop::integer(0), loop::integer(4),
                      loop::store(to.buffer, place_of(to, four, loop::variable(d)), value));
  });
}

Stmt AttentionBlocks::fetch_columns(const Block& block, const Lines& columns, size_t which) {
  const int64_t count = grid_.block_columns();
  return for_fours(columns.length, count, [&](const Four& four) {
    return bring(columns, four, block.column, count, [&](const Expr& d, const Expr& value) {
      return loop::store(fetched(which), four.round * 4 + d, value);
    });
  });
}

Stmt AttentionBlocks::for_lines_of_team(
    int64_t count, const std::function<Stmt(const Expr& round, const Line& line)>& body) {
  Loader::Scope scope(loader());
  const int64_t rounds = ceil_div(count, grid_.teams());
  const auto round = loader().variable("round", rounds);
  Lets lets;
  Line line;
  line.in_block = lets.add("in_block", loop::variable(round) * grid_.teams() + team_);
  loader().ranges()[line.in_block->variable] = {0, rounds * grid_.teams()};
  Stmt of_line = body(loop::variable(round), line);
  if (count % grid_.teams() != 0) of_line = loop::branch(line.in_block < loop::integer(count), of_line);
  return repeat(round, rounds, kind_of_rounds(rounds), lets.around(of_line));
}

// A lane's part of a line: fours that lie apart.
Stmt AttentionBlocks::for_factors(const Expr& first, int64_t count, const Line& line, const Factors& factors,
                                  const std::function<Stmt(const FactorsOfLane&)>& body) {
  Lets lets;
  const Expr query = lets.add("query", clamped(first + line.in_block, false, count));
  loader().ranges()[query->variable] = {0, queries()};
  return lets.around(body([&](int64_t i) {
    const Expr u = member_ * 4 + (i / 4 * 4 * grid_.team + i % 4);
    const bool may_end = factors.length % (4 * grid_.team) != 0;
    const Expr predicate = may_end ? u < loop::integer(factors.length) : nullptr;
    return std::pair(factors.left(query, u, predicate), factors.right(query, u, predicate));
  }));
}

Stmt AttentionBlocks::tell_sum(const Line& line, int64_t length, const FactorsOfLane& factors) {
  Lets lets;
  Expr sum;
  for (int64_t i = 0; i < grid_.length_of_lane(length); ++i) {
    const auto [left, right] = factors(i);
    const Expr term = left * right;
    sum = lets.add("sum", sum ? sum + term : term);
  }
  return lets.around(tell(line, sum));
}

Stmt AttentionBlocks::tell_sums(const Expr& first, int64_t count, const Factors& factors) {
  return for_lines_of_team(count, [&](const Expr&, const Line& line) {
    return for_factors(first, count, line, factors,
                       [&](const auto& at) { return tell_sum(line, factors.length, at); });
  });
}

Stmt AttentionBlocks::fetch_factors(const Expr& first, int64_t count, const Factors& factors) {
  const int64_t of_lane = grid_.length_of_lane(factors.length);
  return for_lines_of_team(count, [&](const Expr& round, const Line& line) {
    return for_factors(first, count, line, factors, [&](const auto& at) {
      return each(of_lane, [&](int64_t i) {
        const auto [left, right] = at(i);
        const Expr slot = round * (2 * of_lane) + 2 * i;
        return loop::block({loop::store(factors_, slot, left), loop::store(factors_, slot + 1, right)});
      });
    });
  });
}

Stmt AttentionBlocks::tell_fetched(int64_t count, int64_t length) {
  const int64_t of_lane = grid_.length_of_lane(length);
  return for_lines_of_team(count, [&](const Expr& round, const Line& line) {
    return tell_sum(line, length, [&](int64_t i) {
      const Expr slot = round * (2 * of_lane) + 2 * i;
      return std::pair(loop::load(factors_, slot), loop::load(factors_, slot + 1));
    });
  });
}

}  // namespace sinter::passes
