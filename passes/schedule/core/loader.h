#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph/graph.h"
#include "ir/index/indexing.h"
#include "ir/loop/program.h"

namespace sinter::passes {

using loop::Index;

// Turns the ops of a kernel's body into expressions: what a value is at an index, in terms of loads from the
// kernel's arguments. Views become index arithmetic here, and cost nothing else. Ops that need a loop of
// their own (reductions, contractions, scatters) are not expanded: a schedule computes them and binds what it
// has.
class Loader {
 public:
  // `arguments[i]` is the buffer of the body's parameter i.
  Loader(const graph::Function& body, std::vector<loop::BufferRef> arguments);

  // The value at `index`, an expression for each axis. Where `predicate` is false, nothing is loaded and the
  // value means nothing.
  loop::Expr at(graph::Value value, const Index& index, const loop::Expr& predicate = nullptr);

  // Where the block of a dynamic_slice or dynamic_update begins along an axis.
  loop::Expr block_start(const graph::Op& op, size_t axis, const loop::Expr& predicate);

  // From here on `value` is `expr` wherever it is asked for, whatever the index: a schedule binds what the
  // current iteration has computed. Forgotten with the scope it was made in.
  void bind(graph::Value value, loop::Expr expr);
  bool is_bound(graph::Value value) const { return bound_.contains(value); }

  // A scope of loop variables and bindings.
  class Scope {
   public:
    explicit Scope(Loader& loader) : loader_(loader), bound_(loader.bound_), memo_(loader.memo_) {}
    ~Scope() {
      loader_.bound_ = std::move(bound_);
      loader_.memo_ = std::move(memo_);
    }
    Scope(const Scope&) = delete;

   private:
    Loader& loader_;
    graph::ValueMap<loop::Expr> bound_;
    std::map<std::vector<const void*>, std::pair<loop::Expr, Index>> memo_;
  };

  // A fresh index variable in [begin, end).
  loop::VariableRef variable(std::string name, int64_t end, int64_t begin = 0);
  loop::RangeMap& ranges() { return ranges_; }
  loop::Expr simplify(const loop::Expr& expr) const { return loop::simplify(expr, ranges_); }

  // The buffer a value lies in as it is: a parameter, or reshapes of one. Null otherwise.
  loop::BufferRef buffer_of(graph::Value value) const;

 private:
  loop::Expr compute(graph::Value value, const Index& index, const loop::Expr& predicate);
  loop::Expr view(const graph::Op& op, const Index& index, const loop::Expr& predicate);
  loop::Expr joined(const graph::Op& concat, const Index& index, const loop::Expr& predicate);
  loop::Expr random(const graph::Op& op, const Index& index, const loop::Expr& predicate);
  loop::Expr clamped(graph::Value value, const Index& index, int64_t last, const loop::Expr& predicate);

  std::unordered_map<const graph::Op*, loop::BufferRef> buffers_;
  graph::ValueMap<loop::Expr> bound_;
  // Keyed by the value, the index's nodes and the predicate's; the index is kept so that nodes stay alive.
  std::map<std::vector<const void*>, std::pair<loop::Expr, Index>> memo_;
  loop::RangeMap ranges_;
};

}  // namespace sinter::passes
