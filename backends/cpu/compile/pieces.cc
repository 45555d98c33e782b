#include "backends/cpu/compile/pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "backends/cpu/compile/canonical.h"
#include "backends/cpu/compile/launches.h"
#include "ir/error.h"
#include "ir/loop/affine.h"
#include "ir/loop/walk.h"

namespace sinter::cpu {
namespace {

using loop::BufferRef;
using loop::Expr;
using loop::ExprNode;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;
using loop::StmtNode;
using loop::VariableRef;

// What a statement refers to: global buffers in the order of first use, and variables.
class Uses {
 public:
  explicit Uses(const Stmt& stmt) { visit(stmt); }

  std::vector<BufferRef> globals;
  std::unordered_set<VariableRef> variables;

 private:
  void visit(const BufferRef& buffer) {
    if (buffer && buffer->space == loop::Space::global && seen_.insert(buffer.get()).second)
      globals.push_back(buffer);
  }
  void visit(const Expr& x) {
    if (!x || !seen_.insert(x.get()).second) return;
    if (x->kind == ExprNode::Kind::variable) variables.insert(x->variable);
    visit(x->buffer);
    for (const Expr& arg : x->args) visit(arg);
  }
  void visit(const Stmt& s) {
    visit(s->buffer);
    for (const Expr* x : loop::expressions(*s)) visit(*x);
    for (const Stmt& child : s->body) visit(child);
  }

  std::unordered_set<const void*> seen_;
};

bool is_variable(const Expr& x, const VariableRef& variable) {
  return x->kind == ExprNode::Kind::variable && x->variable == variable;
}

// The constant in `op(variable, constant)`.
std::optional<int64_t> bound(const Expr& x, ScalarOp op, const VariableRef& variable) {
  if (x->kind != ExprNode::Kind::apply || x->op != op || !is_variable(x->args[0], variable)) return {};
  return loop::as_integer(x->args[1]);
}

struct Arm {
  int64_t begin, end;
  Stmt body;  // a parallel loop from 0 to end - begin
};

// `if unit >= begin && unit < end: [let own = unit - begin:] body`, where nothing else depends on `unit`.
std::optional<Arm> as_arm(const Stmt& s, const VariableRef& unit) {
  if (s->kind != StmtNode::Kind::branch || s->body.size() != 1) return {};
  const Expr& condition = s->condition;
  if (condition->kind != ExprNode::Kind::apply || condition->op != ScalarOp::logical_and) return {};
  const auto begin = bound(condition->args[0], ScalarOp::greater_equal, unit);
  const auto end = bound(condition->args[1], ScalarOp::less, unit);
  if (!begin || !end || *begin >= *end) return {};
  Stmt body = s->body[0];
  VariableRef own = loop::make_variable("unit");
  if (body->kind == StmtNode::Kind::let) {
    const Expr from_begin = loop::variable(unit) - *begin;
    if (loop::same(body->value, from_begin) && Uses(loop::let(own, body->value, loop::block({}))).variables ==
                                                   std::unordered_set<VariableRef>{unit}) {
      own = body->variable;
      body = body->body[0];
    }
  }
  if (Uses(body).variables.contains(unit)) return {};
  body = loop::loop(LoopKind::parallel, own, loop::integer(0), loop::integer(*end - *begin), body);
  return Arm{*begin, *end, body};
}

// The parallel loop's body as one arm after another; empty where it is no such thing.
std::vector<Arm> arms_of(const Stmt& s) {
  if (s->kind != StmtNode::Kind::loop || s->loop_kind != LoopKind::parallel) return {};
  if (loop::as_integer(s->begin) != 0 || s->body[0]->kind != StmtNode::Kind::block) return {};
  std::vector<Arm> arms;
  for (const Stmt& child : s->body[0]->body) {
    const auto arm = as_arm(child, s->variable);
    if (!arm || (!arms.empty() && arm->begin < arms.back().end)) return {};
    arms.push_back(*arm);
  }
  return arms;
}

class Cut {
 public:
  explicit Cut(const loop::Program& program) {
    std::unordered_map<Stmt, size_t> known;  // kernels, by loops that others may share with them
    for (const loop::Kernel& kernel : program.kernels) {
      const auto [first, is_new] = known.try_emplace(kernel.body, result.parts.size());
      if (!is_new && kernel.arguments == program.kernels[first->second].arguments) {
        result.parts.push_back(result.parts[first->second]);
        continue;
      }
      std::vector<Part>& parts = result.parts.emplace_back();
      const std::vector<Arm> arms = arms_of(kernel.body);
      for (const Arm& arm : arms) parts.push_back(part(kernel, arm));
      if (arms.empty()) parts.push_back(part(kernel, {0, parallel_extent(kernel), kernel.body}));
    }
    find_aliases(program, result);
  }

  Pieces result;

 private:
  Part part(const loop::Kernel& kernel, const Arm& arm) {
    Piece piece;
    piece.kernel.name = kernel.name;
    piece.kernel.arguments = Uses(arm.body).globals;
    piece.kernel.body = arm.body;
    piece.text = canonical_text(piece.kernel);
    Part made{0, {}, arm.begin, arm.end};
    for (const BufferRef& buffer : piece.kernel.arguments) {
      const auto it = std::find(kernel.arguments.begin(), kernel.arguments.end(), buffer);
      if (it == kernel.arguments.end()) {
        throw InternalError(
            fmt::format("kernel {}: '{}' is none of its arguments", kernel.name, buffer->name));
      }
      made.arguments.push_back(static_cast<size_t>(it - kernel.arguments.begin()));
    }
    const auto [it, is_new] = numbers_.try_emplace(piece.text, result.pieces.size());
    if (is_new) result.pieces.push_back(std::move(piece));
    made.piece = it->second;
    return made;
  }

  std::unordered_map<std::string, size_t> numbers_;  // of pieces, by text
};

}  // namespace

Pieces cut(const loop::Program& program) {
  return Cut(program).result;
}

}  // namespace sinter::cpu
