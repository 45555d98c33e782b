#include "ir/loop/stmt.h"

#include <fmt/format.h>

#include <utility>

#include "ir/error.h"

namespace sinter::loop {
namespace {

Stmt make(StmtNode node) {
  return std::make_shared<const StmtNode>(std::move(node));
}

// A predicate that always holds is none.
Expr needed_predicate(Expr predicate, std::string_view what) {
  if (!predicate) return nullptr;
  expect(predicate, Type::boolean, what);
  return as_integer(predicate) == 1 ? nullptr : predicate;
}

}  // namespace

Stmt block(std::vector<Stmt> body) {
  std::vector<Stmt> flat;
  for (Stmt& stmt : body) {
    if (!stmt) throw InternalError("null in a block");
    if (stmt->kind == StmtNode::Kind::block) {
      flat.insert(flat.end(), stmt->body.begin(), stmt->body.end());
    } else {
      flat.push_back(std::move(stmt));
    }
  }
  if (flat.size() == 1) return flat[0];
  return make({.kind = StmtNode::Kind::block, .body = std::move(flat)});
}

Stmt loop(LoopKind kind, VariableRef variable, Expr begin, Expr extent, Stmt body, Expr limit) {
  expect(begin, Type::index, "begin of a loop over " + variable->name);
  expect(extent, Type::index, "extent of a loop over " + variable->name);
  if (limit) expect(limit, Type::index, "limit of a loop over " + variable->name);
  return make({.kind = StmtNode::Kind::loop,
               .body = {std::move(body)},
               .variable = std::move(variable),
               .loop_kind = kind,
               .begin = std::move(begin),
               .extent = std::move(extent),
               .limit = std::move(limit)});
}

Stmt store(BufferRef buffer, Expr index, Expr value, Expr predicate) {
  expect(index, Type::index, "index of a store to " + buffer->name);
  expect(value, buffer->type, "value stored to " + buffer->name);
  if (predicate && as_integer(predicate) == 0) return block({});
  Expr condition = needed_predicate(std::move(predicate), "predicate of a store to " + buffer->name);
  return make({.kind = StmtNode::Kind::store,
               .buffer = std::move(buffer),
               .index = std::move(index),
               .value = std::move(value),
               .condition = std::move(condition)});
}

Stmt let(VariableRef variable, Expr value, Stmt body) {
  expect(value, variable->type, "value of " + variable->name);
  return make({.kind = StmtNode::Kind::let,
               .body = {std::move(body)},
               .variable = std::move(variable),
               .value = std::move(value)});
}

Stmt branch(Expr condition, Stmt then, Stmt otherwise) {
  expect(condition, Type::boolean, "condition of a branch");
  std::vector<Stmt> body = {std::move(then)};
  if (otherwise) body.push_back(std::move(otherwise));
  return make({.kind = StmtNode::Kind::branch, .body = std::move(body), .condition = std::move(condition)});
}

Stmt allocate(BufferRef buffer, Stmt body) {
  return make({.kind = StmtNode::Kind::allocate, .body = {std::move(body)}, .buffer = std::move(buffer)});
}

Stmt fault(Expr condition, int64_t site, Expr position, Expr value) {
  expect(condition, Type::boolean, "condition of a fault");
  expect(position, Type::index, "position of a fault");
  return make({.kind = StmtNode::Kind::fault,
               .value = std::move(value),
               .condition = std::move(condition),
               .site = site,
               .position = std::move(position)});
}

Stmt barrier() {
  return make({.kind = StmtNode::Kind::barrier});
}

Stmt subgroup_barrier(int64_t lanes) {
  return make({.kind = StmtNode::Kind::barrier, .lanes = lanes});
}

Stmt prefetch(BufferRef buffer, Expr index) {
  expect(index, Type::index, "index of a prefetch of " + buffer->name);
  return make({.kind = StmtNode::Kind::prefetch, .buffer = std::move(buffer), .index = std::move(index)});
}

}  // namespace sinter::loop
