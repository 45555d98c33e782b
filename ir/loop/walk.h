#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>
#include <vector>

#include "ir/loop/stmt.h"

namespace sinter::loop {

// The expressions of a statement itself, in the order of its fields; null where it has none of a kind. Those
// of its body are not among them.
inline std::array<Expr*, 7> expressions(StmtNode& s) {
  return {&s.begin, &s.extent, &s.limit, &s.index, &s.value, &s.condition, &s.position};
}
inline std::array<const Expr*, 7> expressions(const StmtNode& s) {
  std::array<const Expr*, 7> all;
  std::ranges::copy(expressions(const_cast<StmtNode&>(s)), all.begin());
  return all;
}

// Whether `holds` is true of `x` or of an expression in it.
bool any_of(const Expr& x, const std::function<bool(const ExprNode&)>& holds);

// Whether `variable` stands in `x`.
bool depends_on(const Expr& x, const VariableRef& variable);

// Whether `x` reads an element of `buffer` that is not seen to be the one at `index`.
bool reads_other(const Expr& x, const BufferRef& buffer, const Expr& index);

// Makes expressions and statements anew from their operands up. An expression that occurs twice is made once;
// one in which nothing changes stays the same node.
class Rewriter {
 public:
  virtual ~Rewriter() = default;

  Expr operator()(const Expr& x);  // null stays null
  Stmt operator()(const Stmt& stmt);

 protected:
  // What stands for `x`, whose operands have become `args`; null for `x` with those operands.
  virtual Expr rewritten(const ExprNode& x, const std::vector<Expr>& args) = 0;

 private:
  // With what each result is of, so that its address stays its own.
  struct Done {
    Expr of, result;
  };
  std::unordered_map<const ExprNode*, Done> done_;
};

// What writes statements in another language: a function for each kind.
class Emitter {
 public:
  virtual ~Emitter() = default;

 protected:
  virtual void emit(const Stmt& stmt);         // by its kind
  virtual void emit_block(const StmtNode& s);  // one after the other
  virtual void emit_loop(const StmtNode& s) = 0;
  virtual void emit_store(const StmtNode& s) = 0;
  virtual void emit_let(const StmtNode& s) = 0;
  virtual void emit_branch(const StmtNode& s) = 0;
  virtual void emit_allocate(const StmtNode& s) = 0;
  virtual void emit_fault(const StmtNode& s) = 0;
  virtual void emit_barrier(const StmtNode& s) = 0;
  virtual void emit_prefetch(const StmtNode& s) = 0;
};

}  // namespace sinter::loop
