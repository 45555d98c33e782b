#include <algorithm>

#include "passes/schedule/attention/gradients.h"
#include "passes/schedule/attention/online_softmax.h"
#include "passes/schedule/attention/rows.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `attention_backward` for workgroups whose lanes do not work together: some lanes have a
// query each and add up its gradient while the keys run by, the others have a key each and add up its
// gradient and its value's while the queries run by.
namespace sinter::passes {

using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

class BackwardRows {
 public:
  explicit BackwardRows(Template& t)
      : t_(t), rows_(t, graph::Anchor::attention_backward), gradients_(rows_) {}

  const AttentionRows& rows() const { return rows_; }
  // What f and g read has no gradient so.
  bool has_extras() const {
    return std::ranges::any_of(gradients_.all(),
                               [](const AttentionGradient& gradient) { return gradient.operand > 2; });
  }

  loop::Kernel run() {
    const auto parts = gradient_parts(rows_.parts(), gradients_);
    std::vector<Stmt> loops;
    for (const GradientPart& part : parts) {
      const int64_t units = units_of(part);
      const auto own = rows_.loader().variable("row", units);
      const Stmt body = row(part, loop::variable(own));
      loops.push_back(loop::loop(LoopKind::parallel, own, loop::integer(0), loop::integer(units), body));
    }
    return t_.finish(std::move(loops));
  }

 private:
  static bool is_of_queries(const GradientPart& part) { return part.gradients[0]->operand == 0; }
  int64_t rows_of(const GradientPart& part) const {
    return is_of_queries(part) ? rows_.queries() : rows_.keys();
  }
  int64_t units_of(const GradientPart& part) const { return graph::element_count(part.own) * rows_of(part); }

  Stmt row(const GradientPart& part, const Expr& number) {
    Loader& loader = rows_.loader();
    Loader::Scope scope(loader);
    const int64_t rows = rows_of(part);
    const Index mine = delinearize(loader.simplify(number / rows), part.own, loader.ranges());
    const Expr place = loader.simplify(number % rows);
    std::vector<loop::BufferRef> sums(3);
    std::vector<Stmt> body, stores;
    for (const AttentionGradient* gradient : part.gradients) {
      const size_t operand = gradient->operand;
      sums[operand] = rows_.sums("sums", operand == 2 ? rows_.values() : rows_.width());
      body.push_back(rows_.clear(sums[operand]));
      stores.push_back(
          rows_.store(sums[operand], gradient->buffer, gradient->value.shape(), [&](const Expr& column) {
            return operand == 0   ? rows_.query_index(mine, place, column)
                   : operand == 1 ? rows_.key_index(mine, place, column)
                                  : rows_.value_index(mine, place, column);
          }));
    }
    body.push_back(for_outer(part, mine, [&](const Index& outer) {
      return is_of_queries(part) ? see_keys(outer, place, sums) : see_queries(outer, place, sums);
    }));
    body.insert(body.end(), stores.begin(), stores.end());
    Stmt result = loop::block(std::move(body));
    for (const auto& buffer : sums) {
      if (buffer) result = loop::allocate(buffer, result);
    }
    return result;
  }

  // Over what a lane adds up along.
  Stmt for_outer(const GradientPart& part, const Index& mine, const std::function<Stmt(const Index&)>& body) {
    Index outer = mine;
    std::vector<loop::VariableRef> variables;
    for (size_t axis = 0; axis < outer.size(); ++axis) {
      variables.push_back(rows_.loader().variable("outer", part.along[axis]));
      if (part.along[axis] != 1) outer[axis] = loop::variable(variables.back());
    }
    Stmt result = body(outer);
    for (size_t axis = outer.size(); axis-- > 0;) {
      if (part.along[axis] == 1) continue;
      result = loop::loop(LoopKind::serial, variables[axis], loop::integer(0),
                          loop::integer(part.along[axis]), result);
    }
    return result;
  }

  struct QueryRow {
    AttentionRows::Row q, cotangent;
    Expr shift, share, delta;
  };
  QueryRow query_row(Lets& lets, const Index& outer, const Expr& query) {
    QueryRow row;
    row.q = rows_.query_row(lets, outer, query);
    row.cotangent = rows_.result_row(lets, "d", gradients_.signature().cotangent, outer, query);
    row.delta = lets.add(
        "delta",
        rows_.dot(rows_.result_row(lets, "o", gradients_.signature().out, outer, query), row.cotangent));
    const Index index = rows_.without_key(rows_.at(outer, query, loop::integer(0)));
    row.shift = lets.add("shift", rows_.element(gradients_.signature().shift, index));
    row.share = lets.add("share", rows_.number(1) / rows_.element(gradients_.signature().total, index));
    return row;
  }

  struct KeyRow {
    AttentionRows::Row k, v;
  };
  KeyRow key_row(Lets& lets, const Index& outer, const Expr& key) {
    return {rows_.key_row(lets, outer, key), rows_.value_row(lets, outer, key)};
  }

  Stmt see_keys(const Index& outer, const Expr& query, const std::vector<loop::BufferRef>& sums) {
    Lets lets;
    const QueryRow row = query_row(lets, outer, query);
    return lets.around(rows_.for_keys(outer, query, [&](const Expr& key) {
      Lets inner;
      const KeyRow other = key_row(inner, outer, key);
      return inner.around(pair(outer, query, key, row, other, sums));
    }));
  }

  Stmt see_queries(const Index& outer, const Expr& key, const std::vector<loop::BufferRef>& sums) {
    Loader& loader = rows_.loader();
    Lets lets;
    const KeyRow row = key_row(lets, outer, key);
    const auto variable = loader.variable("query", rows_.queries());
    const Expr query = loop::variable(variable);
    Loader::Scope scope(loader);
    const auto [low, high] = rows_.visible_keys(outer, {query, 1});
    Lets inner;
    const QueryRow other = query_row(inner, outer, query);
    Stmt one = inner.around(pair(outer, query, key, other, row, sums));
    const bool all = loop::as_integer(low) == 0 && loop::as_integer(high) == rows_.keys();
    if (!all) one = loop::branch(key >= low && key < high, one);
    return lets.around(
        loop::loop(LoopKind::serial, variable, loop::integer(0), loop::integer(rows_.queries()), one));
  }

  // What a query and a key add to the sums.
  Stmt pair(const Index& outer, const Expr& query, const Expr& key, const QueryRow& of_query,
            const KeyRow& of_key, const std::vector<loop::BufferRef>& sums) {
    const AttentionBody& parts = rows_.parts();
    Loader& loader = rows_.loader();
    const Index index = rows_.at(outer, query, key);
    const auto bind = [&](Value value, const Expr& bound) {
      if (value) loader.bind(rows_.flat(value), bound);
    };
    Lets lets;
    bind(rows_.scores(), lets.add("s", rows_.dot(of_query.q, of_key.k)));
    const Expr x = lets.add("x", rows_.element(parts.masked(), index));
    const Expr power = OnlineSoftmax::exponential(x, of_query.shift);
    bind(parts.weights(), lets.add("p", power * of_query.share));
    bind(gradients_.signature().kept_cotangent, lets.add("dp", rows_.dot(of_query.cotangent, of_key.v)));
    bind(gradients_.signature().row_sum, of_query.delta);
    std::vector<Stmt> body;
    if (sums[2]) {
      const Expr kept = rows_.element(parts.kept(), *parts.kept_index(index, loader.ranges()));
      body.push_back(rows_.add(sums[2], lets.add("kept", kept), of_query.cotangent));
    }
    if (sums[0] || sums[1]) {
      const Expr slope =
          lets.add("slope", rows_.element(gradients_.signature().score_cotangent, rows_.scores_index(index)));
      if (sums[0]) body.push_back(rows_.add(sums[0], slope, of_key.k));
      if (sums[1]) body.push_back(rows_.add(sums[1], slope, of_query.q));
    }
    return lets.around(loop::block(std::move(body)));
  }

  Template& t_;
  AttentionRows rows_;
  AttentionGradients gradients_;
};

std::vector<Numbers> backward_rows_choices(Template& t) {
  const BackwardRows schedule(t);
  if (schedule.has_extras() || !schedule.rows().are_better(t.target())) return {};
  return {Numbers{}};
}

loop::Kernel emit_backward_rows(Template& t, const Choice& choice) {
  BackwardRows schedule(t);
  ChoiceReader read(choice, t.kernel.location);
  read.require(!schedule.has_extras(),
               "it makes no gradients of other operands than queries, keys and values");
  schedule.rows().read(read, t.target());
  return schedule.run();
}

}  // namespace

constinit const Schedule kAttentionBackwardRows = {
    graph::Anchor::attention_backward, "attention_backward.rows", backward_rows_choices, emit_backward_rows};

}  // namespace sinter::passes
