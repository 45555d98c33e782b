#pragma once

#include "ir/graph/anchor.h"
#include "passes/attention/body.h"
#include "passes/schedule/core/template.h"

namespace sinter::passes {

// Some queries in a row.
struct QueryRows {
  loop::Expr first;
  int64_t count = 0;
};

// What every schedule of `attention` and `attention_backward` knows of its kernel: the parts of the body, and
// where elements of the queries, keys and values stand.
class AttentionCore {
 public:
  AttentionCore(Template& t, graph::Anchor anchor);

  // The kernel op that raise or differentiate made, in the fused kernel's body, and the parts of its body.
  const graph::Op& core() const { return *core_; }
  const AttentionBody& parts() const { return parts_; }
  // A value of the core's body where the loader knows it.
  graph::Value flat(graph::Value value) const { return map_.at(value); }
  graph::Value parameter(size_t number) const { return core_->body->parameters()[number]->result(); }
  graph::Value scores() const { return const_cast<graph::Op*>(parts_.scores)->result(); }
  // Where the core's result goes; null where nobody needs it.
  loop::BufferRef output(size_t result) const;

  Loader& loader() { return loader_; }
  const Loader& loader() const { return loader_; }
  loop::Type type() const { return type_; }
  loop::Expr number(double value) const { return loop::constant(value, type_); }

  int64_t queries() const { return queries_; }
  int64_t keys() const { return keys_; }
  int64_t width() const { return width_; }    // of q and k
  int64_t values() const { return values_; }  // of v

  // An index into the domain, for one of its axes but those of queries and keys.
  Index at(const Index& outer, const loop::Expr& query, const loop::Expr& key) const;
  // Indices into q, k, v and the result (or its cotangent), and their elements.
  Index query_index(const Index& outer, const loop::Expr& query, const loop::Expr& w);
  Index key_index(const Index& outer, const loop::Expr& key, const loop::Expr& w);
  Index value_index(const Index& outer, const loop::Expr& key, const loop::Expr& u);
  Index result_index(const Index& outer, const loop::Expr& query, const loop::Expr& u);
  loop::Expr element(graph::Value value, const Index& index, const loop::Expr& predicate = nullptr);
  Index without_key(const Index& at) const;
  // The index into the scores of the element `at` of the domain.
  Index scores_index(const Index& at);

  // The keys, low .. high - 1, outside of which f selects -inf for all of the queries.
  std::pair<loop::Expr, loop::Expr> visible_keys(const Index& outer, const QueryRows& rows);

 private:
  Index index_of(const std::string& letters, const AttentionBody::Letters& known, const std::string& inner,
                 const graph::Shape& shape, const loop::Expr& place);

  Template& t_;
  const graph::Op* core_;
  graph::Function flat_;
  graph::ValueMap<graph::Value> map_;
  AttentionBody parts_;
  Loader loader_;
  loop::Type type_;
  int64_t queries_ = 1, keys_, width_, values_;
};

// A chain of lets around `body`.
class Lets {
 public:
  loop::Expr add(const std::string& name, const loop::Expr& value) {
    lets_.push_back({loop::make_variable(name, value->type), value});
    return loop::variable(lets_.back().first);
  }
  loop::Stmt around(loop::Stmt body) const {
    for (size_t i = lets_.size(); i-- > 0;) body = loop::let(lets_[i].first, lets_[i].second, body);
    return body;
  }

 private:
  std::vector<std::pair<loop::VariableRef, loop::Expr>> lets_;
};

}  // namespace sinter::passes
