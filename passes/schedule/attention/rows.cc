#include "passes/schedule/attention/rows.h"

#include <fmt/format.h>

#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/attention/score_grid.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"
#include "passes/schedule/core/workgroup.h"

// The schedule of `attention` for workgroups whose lanes do not work together. A lane has a query: it keeps
// the weighted sum of values, scaled again when the greatest score so far moves (the online softmax).
namespace sinter::passes {

using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

constexpr int64_t kFewKeys = 16;

// Of a query and a key, a value and the sum of values.
int64_t bytes_of_rows(int64_t width, int64_t values, int64_t element_bytes) {
  return 2 * (width + values) * element_bytes;
}

// A processor's cache holds what registers do not, and its driver takes long to compile blocks.
int64_t bytes_for_rows(const loop::Target& target) {
  return target.local_bytes * (target.has_fast_shared() ? 1 : 2);
}

}  // namespace

bool has_attention_schedule(int64_t width, int64_t values, int64_t element_bytes,
                            const loop::Target& target) {
  const bool fits_lane = bytes_of_rows(width, values, element_bytes) <= bytes_for_rows(target);
  return has_score_grid(width, values, element_bytes, target) && (target.has_fast_shared() || fits_lane);
}

int64_t AttentionRows::bytes_held() const {
  return bytes_of_rows(width(), values(), loop::size_in_bytes(type()));
}

bool AttentionRows::are_better(const loop::Target& target) const {
  if (!target.has_workgroups()) return false;
  if (target.has_fast_shared()) return keys() <= kFewKeys && bytes_held() <= target.local_bytes / 2;
  return bytes_held() <= bytes_for_rows(target);
}

void AttentionRows::read(ChoiceReader& read, const loop::Target& target) const {
  read.require(target.has_workgroups(), "the machine has no workgroups");
  read.require(
      bytes_held() <= bytes_for_rows(target),
      fmt::format("a lane takes {} bytes of memory, it may have {}", bytes_held(), bytes_for_rows(target)));
  read.finish();
}

AttentionRows::Row AttentionRows::row(Lets& lets, const char* name, int64_t length,
                                      const std::function<Expr(const Expr&)>& element) {
  Row result;
  for (int64_t i = 0; i < length; ++i) result.push_back(lets.add(name, element(loop::integer(i))));
  return result;
}

AttentionRows::Row AttentionRows::query_row(Lets& lets, const Index& outer, const Expr& query) {
  return row(lets, "q", width(),
             [&](const Expr& w) { return element(parts().q, query_index(outer, query, w)); });
}

AttentionRows::Row AttentionRows::key_row(Lets& lets, const Index& outer, const Expr& key) {
  return row(lets, "k", width(), [&](const Expr& w) { return element(parts().k, key_index(outer, key, w)); });
}

AttentionRows::Row AttentionRows::value_row(Lets& lets, const Index& outer, const Expr& key) {
  return row(lets, "v", values(),
             [&](const Expr& u) { return element(parts().v, value_index(outer, key, u)); });
}

AttentionRows::Row AttentionRows::result_row(Lets& lets, const char* name, graph::Value value,
                                             const Index& outer, const Expr& query) {
  return row(lets, name, values(),
             [&](const Expr& u) { return element(value, result_index(outer, query, u)); });
}

Expr AttentionRows::dot(const Row& a, const Row& b) const {
  Expr sum = number(0);
  for (size_t i = 0; i < a.size(); ++i) sum = loop::apply(ScalarOp::fma, {a[i], b[i], sum});
  return sum;
}

loop::BufferRef AttentionRows::sums(const char* name, int64_t length) const {
  return local_buffer(name, type(), length);
}

Stmt AttentionRows::clear(const loop::BufferRef& sums) const {
  return each(sums->size, [&](int64_t i) { return loop::store(sums, loop::integer(i), number(0)); });
}

Stmt AttentionRows::add(const loop::BufferRef& sums, const Expr& factor, const Row& row) const {
  return each(sums->size, [&](int64_t i) {
    const Expr place = loop::integer(i);
    const Expr next =
        loop::apply(ScalarOp::fma, {factor, row[static_cast<size_t>(i)], loop::load(sums, place)});
    return loop::store(sums, place, next);
  });
}

Stmt AttentionRows::store(const loop::BufferRef& sums, const loop::BufferRef& to, const graph::Shape& shape,
                          const std::function<Index(const Expr&)>& place) {
  return each(sums->size, [&](int64_t i) {
    const Expr at = loader().simplify(linearize(place(loop::integer(i)), shape));
    return loop::store(to, at, loop::load(sums, loop::integer(i)));
  });
}

Stmt AttentionRows::for_keys(const Index& outer, const Expr& query,
                             const std::function<Stmt(const Expr& key)>& body) {
  const auto [low, high] = visible_keys(outer, {query, 1});
  Lets bounds;
  const Expr begin = bounds.add("low", low), end = bounds.add("high", high);
  loader().ranges()[begin->variable] = {0, keys() + 1};
  loader().ranges()[end->variable] = {0, keys() + 1};
  const bool all = loop::as_integer(low) == 0 && loop::as_integer(high) == keys();
  const auto key = loader().variable("key", keys());
  Loader::Scope scope(loader());
  const Stmt one = body(loop::variable(key));
  if (all) return loop::loop(LoopKind::serial, key, loop::integer(0), loop::integer(keys()), one);
  const Expr count = loop::max(end - begin, loop::integer(0));
  return bounds.around(loop::loop(LoopKind::serial, key, begin, count, one));
}

namespace {

class ForwardRows {
 public:
  explicit ForwardRows(Template& t) : t_(t), rows_(t, graph::Anchor::attention) {}

  const AttentionRows& rows() const { return rows_; }

  loop::Kernel run() {
    graph::Shape outer_shape = rows_.parts().domain;
    outer_shape[rows_.parts().key] = 1;
    if (rows_.parts().query) outer_shape[*rows_.parts().query] = 1;
    const int64_t units = graph::element_count(outer_shape) * rows_.queries();
    Loader& loader = rows_.loader();
    const auto unit = loader.variable("unit", units);
    const Expr u = loop::variable(unit);
    const Index outer = delinearize(loader.simplify(u / rows_.queries()), outer_shape, loader.ranges());
    const Stmt body = query(outer, loader.simplify(u % rows_.queries()));
    return t_.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), body));
  }

 private:
  enum Statistic : int64_t { greatest, total };

  Expr statistic(Statistic which) const { return loop::load(statistics_, loop::integer(which)); }
  Stmt set(Statistic which, const Expr& value) const {
    return loop::store(statistics_, loop::integer(which), value);
  }

  Stmt query(const Index& outer, const Expr& query) {
    statistics_ = local_buffer("statistics", rows_.type(), 2);
    sums_ = rows_.sums("sums", rows_.values());
    Lets lets;
    const auto q = rows_.query_row(lets, outer, query);
    const Stmt keys =
        rows_.for_keys(outer, query, [&](const Expr& key) { return see(outer, query, key, q); });
    Stmt body = loop::block({set(greatest, rows_.number(OnlineSoftmax::kNone)), set(total, rows_.number(0)),
                             rows_.clear(sums_), keys, finish(outer, query)});
    for (const auto& buffer : {statistics_, sums_}) body = loop::allocate(buffer, body);
    return lets.around(body);
  }

  Stmt see(const Index& outer, const Expr& query, const Expr& key, const AttentionRows::Row& q) {
    const AttentionBody& parts = rows_.parts();
    Loader& loader = rows_.loader();
    const Index at = rows_.at(outer, query, key);
    Lets lets;
    const auto k = rows_.key_row(lets, outer, key);
    loader.bind(rows_.flat(rows_.scores()), lets.add("s", rows_.dot(q, k)));
    const Expr x = lets.add("x", rows_.element(parts.masked(), at));
    const Expr before = lets.add("before", statistic(greatest));
    const Expr most = lets.add("most", OnlineSoftmax::greater(before, x));
    const Expr shift = lets.add("shift", OnlineSoftmax::shift_of(most));
    const Expr rescale = lets.add("rescale", OnlineSoftmax::exponential(before, shift));
    const Expr p = lets.add("p", OnlineSoftmax::exponential(x, shift));
    loader.bind(rows_.flat(parts.weights()), p);
    const Expr kept = lets.add("kept", rows_.element(parts.kept(), *parts.kept_index(at, loader.ranges())));
    const auto v = rows_.value_row(lets, outer, key);
    std::vector<Stmt> body = {set(greatest, most), set(total, statistic(total) * rescale + p)};
    for (int64_t u = 0; u < rows_.values(); ++u) {
      const Expr place = loop::integer(u);
      const Expr sum = loop::load(sums_, place) * rescale;
      body.push_back(
          loop::store(sums_, place, loop::apply(ScalarOp::fma, {kept, v[static_cast<size_t>(u)], sum})));
    }
    return lets.around(loop::block(std::move(body)));
  }

  Stmt finish(const Index& outer, const Expr& query) {
    Loader& loader = rows_.loader();
    const auto& results = rows_.core().results;
    Lets lets;
    const Expr most = lets.add("most", statistic(greatest));
    const Expr sum = lets.add("total", OnlineSoftmax::divisor(most, statistic(total)));
    std::vector<Stmt> body;
    const Index row = rows_.without_key(rows_.at(outer, query, loop::integer(0)));
    for (size_t result : {1, 2}) {
      const loop::BufferRef buffer = rows_.output(result);
      if (buffer == nullptr) continue;
      const Expr place = loader.simplify(linearize(row, results[result].shape));
      body.push_back(loop::store(buffer, place, result == 1 ? OnlineSoftmax::shift_of(most) : sum));
    }
    if (const loop::BufferRef buffer = rows_.output(0)) {
      const Expr factor = lets.add("factor", rows_.number(1) / sum);
      for (int64_t u = 0; u < rows_.values(); ++u) {
        const Expr place = loop::integer(u);
        body.push_back(loop::store(sums_, place, loop::load(sums_, place) * factor));
      }
      body.push_back(rows_.store(sums_, buffer, results[0].shape,
                                 [&](const Expr& u) { return rows_.result_index(outer, query, u); }));
    }
    return lets.around(loop::block(std::move(body)));
  }

  Template& t_;
  AttentionRows rows_;
  loop::BufferRef statistics_, sums_;
};

std::vector<Numbers> rows_choices(Template& t) {
  if (!AttentionRows(t, graph::Anchor::attention).are_better(t.target())) return {};
  return {Numbers{}};
}

loop::Kernel emit_rows(Template& t, const Choice& choice) {
  ForwardRows schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  schedule.rows().read(read, t.target());
  return schedule.run();
}

}  // namespace

constinit const Schedule kAttentionRows = {graph::Anchor::attention, "attention.rows", rows_choices,
                                           emit_rows};

}  // namespace sinter::passes
