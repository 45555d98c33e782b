#include "passes/to_workgroups/scalarize.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "ir/error.h"
#include "ir/loop/fold.h"
#include "ir/loop/reducers.h"
#include "ir/loop/vary.h"
#include "ir/loop/walk.h"

namespace sinter::passes {

using loop::Expr;
using loop::ExprNode;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;
using loop::StmtNode;

namespace {

// What variables stand for, by lane; those that are the same in all lanes at lane 0.
using Values = std::unordered_map<loop::VariableRef, std::vector<Expr>>;

class Scalarizer {
 public:
  explicit Scalarizer(bool keeps_unrolled) : keeps_unrolled_(keeps_unrolled) {}

  Stmt rewrite(const Stmt& stmt) {
    done_.clear();
    switch (stmt->kind) {
      case StmtNode::Kind::block: {
        std::vector<Stmt> body;
        for (const Stmt& child : stmt->body) body.push_back(rewrite(child));
        return loop::block(std::move(body));
      }
      case StmtNode::Kind::loop:
        return rewrite_loop(*stmt);
      case StmtNode::Kind::store:
        return rewrite_store(*stmt);
      case StmtNode::Kind::let:
        return rewrite_let(*stmt);
      case StmtNode::Kind::branch:
        return rewrite_branch(*stmt);
      case StmtNode::Kind::allocate:
        return loop::allocate(stmt->buffer, rewrite(stmt->body[0]));
      case StmtNode::Kind::fault:
        return rewrite_fault(*stmt);
      case StmtNode::Kind::barrier:
        return stmt;
      case StmtNode::Kind::prefetch:
        return loop::block({});  // other lanes hide what memory takes
    }
    throw InternalError("unknown statement");
  }

 private:
  Expr value(const Expr& x, int64_t lane = 0) {
    if (!x) return nullptr;
    if (x->kind == ExprNode::Kind::variable) {
      const auto it = values_.find(x->variable);
      if (it == values_.end()) return x;
      return it->second[it->second.size() == 1 ? 0 : static_cast<size_t>(lane)];
    }
    if (x->args.empty()) return x;
    const auto key = std::pair(x.get(), lane);
    if (const auto it = done_.find(key); it != done_.end()) return it->second;
    Expr result;
    if (loop::is_lane_reduction(*x)) {
      result = reduce(*x);
    } else {
      std::vector<Expr> args;
      bool changed = false;
      for (const Expr& arg : x->args) {
        args.push_back(value(arg, lane));
        changed = changed || args.back().get() != arg.get();
      }
      result = changed ? loop::with_args(*x, std::move(args)) : x;
      if (x->kind == ExprNode::Kind::load && active(lane) && loop::varies(x, varying_)) {
        result = loop::load(result->buffer, result->args[0],
                            active(lane) && (result->args.size() > 1 ? result->args[1] : nullptr));
      }
    }
    return done_[key] = result;
  }

  // The lanes are halved until one is left; an odd lane is carried to the next round.
  Expr reduce(const ExprNode& x) {
    const ScalarOp combine = loop::reducer_of_lanes(x.op)->combine;
    std::vector<Expr> lanes;
    for (int64_t lane = 0; lane < lanes_; ++lane) {
      Expr one = value(x.args[0], lane);
      if (const Expr is_active = active(lane))
        one = loop::select(is_active, one, loop::identity(combine, x.type));
      lanes.push_back(one);
    }
    while (lanes.size() > 1) {
      const size_t half = lanes.size() / 2, rest = lanes.size() - half;
      for (size_t i = 0; i < half; ++i) lanes[i] = loop::apply(combine, {lanes[i], lanes[rest + i]});
      lanes.resize(rest);
    }
    return lanes[0];
  }

  Expr active(int64_t lane) const { return active_.empty() ? nullptr : active_[static_cast<size_t>(lane)]; }

  Stmt rewrite_loop(const StmtNode& s) {
    switch (s.loop_kind) {
      case LoopKind::vector:
        return rewrite_vector(s);
      case LoopKind::unrolled: {
        if (keeps_unrolled_) {
          const Expr first = value(s.begin);
          return loop::loop(s.loop_kind, s.variable, first, s.extent, rewrite(s.body[0]));
        }
        const Expr begin = value(s.begin);
        std::vector<Stmt> body;
        for (int64_t i = 0; i < *loop::as_integer(s.extent); ++i) {
          values_[s.variable] = {begin + i};
          body.push_back(rewrite(s.body[0]));
        }
        values_.erase(s.variable);
        return loop::block(std::move(body));
      }
      default: {
        const Expr begin = value(s.begin), extent = value(s.extent);
        const auto count = loop::as_integer(extent);
        const bool is_once = s.loop_kind == LoopKind::serial && count && *count == 1;
        if (!is_once) return loop::loop(s.loop_kind, s.variable, begin, extent, rewrite(s.body[0]));
        values_[s.variable] = {begin};
        Stmt body = rewrite(s.body[0]);
        values_.erase(s.variable);
        return body;
      }
    }
  }

  Stmt rewrite_vector(const StmtNode& s) {
    lanes_ = *loop::as_integer(s.extent);
    const Expr begin = value(s.begin), limit = value(s.limit);
    std::vector<Expr> indices;
    for (int64_t lane = 0; lane < lanes_; ++lane) {
      indices.push_back(begin + lane);
      if (limit) active_.push_back(indices.back() < limit);
    }
    values_[s.variable] = std::move(indices);
    varying_.insert(s.variable);
    Stmt body = rewrite(s.body[0]);
    varying_.erase(s.variable);
    values_.erase(s.variable);
    active_.clear();
    lanes_ = 1;
    return body;
  }

  Stmt rewrite_store(const StmtNode& s) {
    if (!loop::varies(s.index, varying_)) {
      return loop::store(s.buffer, value(s.index), value(s.value), value(s.condition));
    }
    std::vector<Stmt> stores;
    std::vector<std::pair<loop::VariableRef, Expr>> early;
    const bool shifts = lanes_ > 1 && loop::reads_other(s.value, s.buffer, s.index);
    for (int64_t lane = 0; lane < lanes_; ++lane) {
      Expr stored = value(s.value, lane);
      if (shifts) {
        early.emplace_back(loop::make_variable(fmt::format("lane{}", lane), stored->type), stored);
        stored = loop::variable(early.back().first);
      }
      const Expr condition = active(lane) && value(s.condition, lane);
      stores.push_back(loop::store(s.buffer, value(s.index, lane), stored, condition));
    }
    Stmt result = loop::block(std::move(stores));
    for (size_t i = early.size(); i-- > 0;) result = loop::let(early[i].first, early[i].second, result);
    return result;
  }

  Stmt rewrite_let(const StmtNode& s) {
    const bool differs = loop::varies(s.value, varying_);
    std::vector<std::pair<loop::VariableRef, Expr>> bound;
    std::vector<Expr> uses;
    for (int64_t lane = 0; lane < (differs ? lanes_ : 1); ++lane) {
      const Expr bound_value = value(s.value, lane);
      const bool is_plain =
          bound_value->kind == ExprNode::Kind::integer || bound_value->kind == ExprNode::Kind::number;
      if (is_plain) {
        uses.push_back(bound_value);
        continue;
      }
      const std::string name =
          differs && lanes_ > 1 ? fmt::format("{}_{}", s.variable->name, lane) : s.variable->name;
      bound.emplace_back(loop::make_variable(name, s.variable->type), bound_value);
      uses.push_back(loop::variable(bound.back().first));
    }
    values_[s.variable] = std::move(uses);
    if (differs) varying_.insert(s.variable);
    Stmt body = rewrite(s.body[0]);
    if (differs) varying_.erase(s.variable);
    values_.erase(s.variable);
    for (size_t i = bound.size(); i-- > 0;) body = loop::let(bound[i].first, bound[i].second, body);
    return body;
  }

  Stmt rewrite_branch(const StmtNode& s) {
    const Expr condition = value(s.condition);
    if (const auto known = loop::as_integer(condition)) {
      if (*known != 0) return rewrite(s.body[0]);
      return s.body.size() > 1 ? rewrite(s.body[1]) : loop::block({});
    }
    const Stmt then = rewrite(s.body[0]);
    return loop::branch(condition, then, s.body.size() > 1 ? rewrite(s.body[1]) : nullptr);
  }

  Stmt rewrite_fault(const StmtNode& s) {
    const bool differs = loop::varies(s.condition, varying_) || loop::varies(s.position, varying_) ||
                         (s.value && loop::varies(s.value, varying_));
    std::vector<Stmt> faults;
    for (int64_t lane = 0; lane < (differs ? lanes_ : 1); ++lane) {
      const Expr condition = (differs ? active(lane) : nullptr) && value(s.condition, lane);
      if (const auto known = loop::as_integer(condition); known && *known == 0) continue;
      faults.push_back(loop::fault(condition, s.site, value(s.position, lane), value(s.value, lane)));
    }
    return loop::block(std::move(faults));
  }

  bool keeps_unrolled_;
  Values values_;
  loop::VaryingSet varying_;
  std::map<std::pair<const ExprNode*, int64_t>, Expr> done_;  // of one statement
  int64_t lanes_ = 1;
  std::vector<Expr> active_;  // by lane, of a vector loop with a limit
};

}  // namespace

Stmt scalarize(const Stmt& stmt, bool keeps_unrolled) {
  return Scalarizer(keeps_unrolled).rewrite(stmt);
}

}  // namespace sinter::passes
