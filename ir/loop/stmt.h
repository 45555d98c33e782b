#pragma once

#include <string>
#include <vector>

#include "ir/loop/expr.h"

namespace sinter::loop {

enum class LoopKind : uint8_t {
  serial,
  unrolled,   // constant extent; the body once for each value
  vector,     // constant extent; the body once, a lane for each value
  parallel,   // over threads: only at the root of a kernel, one a kernel
  workgroup,  // over workgroups: only at the root of a kernel, one a kernel
  lane,       // over the invocations of a workgroup; constant extent, the same in all of a part
};

struct StmtNode;
using Stmt = std::shared_ptr<const StmtNode>;

struct StmtNode {
  enum class Kind : uint8_t { block, loop, store, let, branch, allocate, fault, barrier, prefetch };

  Kind kind;

  std::vector<Stmt>
      body;  // block: in order. loop, let, allocate: one. branch: then, and else where there is one

  VariableRef variable;  // loop, let
  LoopKind loop_kind{};  // loop
  Expr begin, extent;    // loop: variable = begin .. begin + extent - 1
  Expr limit;  // vector loop: lanes where variable >= limit are inactive: they load zeros, store nothing and
               // take no part in lane_sum and its like. Null: all lanes are active.
  BufferRef buffer;   // store, allocate, prefetch
  Expr index;         // store, prefetch
  Expr value;         // store, let; fault: the value that is out of bounds
  Expr condition;     // store: null, or a predicate. branch, fault: the condition
  int64_t site = 0;   // fault: which check of the program
  Expr position;      // fault: which element
  int64_t lanes = 0;  // barrier: of each group of lanes that wait for one another; 0: all of the workgroup
};

Stmt block(std::vector<Stmt> body);  // flattens blocks in it
Stmt loop(LoopKind kind, VariableRef variable, Expr begin, Expr extent, Stmt body, Expr limit = nullptr);
// Inside a vector loop, a store whose index does not depend on the lane happens once; its value is uniform.
Stmt store(BufferRef buffer, Expr index, Expr value, Expr predicate = nullptr);
Stmt let(VariableRef variable, Expr value, Stmt body);
Stmt branch(Expr condition, Stmt then, Stmt otherwise = nullptr);  // the condition is uniform
Stmt allocate(BufferRef buffer, Stmt body);                        // local or shared; not initialised
Stmt fault(Expr condition, int64_t site, Expr position, Expr value);
Stmt barrier();
// For lanes 0 .. lanes - 1 of the workgroup, the next ones, and so on: groups that lie in one subgroup.
Stmt subgroup_barrier(int64_t lanes);
Stmt prefetch(BufferRef buffer, Expr index);  // soon to be read; may lie beyond the buffer

std::string print(const Stmt& stmt);

}  // namespace sinter::loop
