#include <algorithm>
#include <unordered_map>

#include "ir/loop/interpreter/code.h"
#include "ir/loop/parts.h"
#include "ir/loop/reducers.h"
#include "ir/loop/vary.h"

namespace sinter::loop::interpreter {
namespace {

class Resolver {
 public:
  Routine run(const Kernel& kernel) {
    for (const BufferRef& buffer : kernel.arguments) add_buffer(buffer);
    for (const Stmt& part : kernel.parts) routine_.parts.push_back({action(*part), units_of(part)});
    return std::move(routine_);
  }

 private:
  size_t add_buffer(const BufferRef& buffer) {
    const size_t number = routine_.buffers.size();
    routine_.buffers.push_back(buffer);
    buffers_[buffer.get()] = number;
    return number;
  }

  size_t take(size_t& size, bool varies) const {
    const size_t first = size;
    size += varies ? static_cast<size_t>(lanes_) : 1;
    return first;
  }

  Action action(const StmtNode& s) {
    codes_.clear();
    Action a{.kind = s.kind, .loop_kind = s.loop_kind, .lanes = lanes_, .site = s.site, .group = s.lanes};
    a.begin = code(s.begin);
    a.extent = code(s.extent);
    a.limit = code(s.limit);
    a.index = code(s.index);
    a.value = code(s.value);
    a.condition = code(s.condition);
    a.position = code(s.position);
    for (const Code* part : {a.index, a.value, a.condition, a.position})
      a.varies = a.varies || (part && part->varies);
    a.has_barrier = s.kind == StmtNode::Kind::barrier;
    if (s.kind == StmtNode::Kind::store) a.buffer = buffers_.at(s.buffer.get());
    if (s.kind == StmtNode::Kind::allocate) a.buffer = add_buffer(s.buffer);
    if (s.kind == StmtNode::Kind::loop) {
      resolve_loop(s, a);
    } else if (s.kind == StmtNode::Kind::let) {
      resolve_let(s, a);
    } else {
      resolve_body(s, a);
    }
    return a;
  }

  void resolve_body(const StmtNode& s, Action& a) {
    for (const Stmt& child : s.body) {
      a.body.push_back(action(*child));
      a.has_barrier = a.has_barrier || a.body.back().has_barrier;
    }
  }

  void resolve_loop(const StmtNode& s, Action& a) {
    const bool is_vector = s.loop_kind == LoopKind::vector;
    if (s.loop_kind == LoopKind::lane)
      routine_.workgroup_lanes = std::max(routine_.workgroup_lanes, *as_integer(s.extent));
    if (is_vector) {
      lanes_ = a.lanes = *as_integer(s.extent);
      varying_.insert(s.variable);
    }
    a.slot = slots_[s.variable.get()] = take(routine_.frame_size, is_vector);
    resolve_body(s, a);
    if (is_vector) {
      lanes_ = 1;
      varying_.clear();
    }
  }

  void resolve_let(const StmtNode& s, Action& a) {
    a.slot = slots_[s.variable.get()] = take(routine_.frame_size, a.varies);
    if (a.varies) varying_.insert(s.variable);
    resolve_body(s, a);
    varying_.erase(s.variable);
  }

  // What occurs twice in a statement is computed once, as are lane reductions, which every lane uses.
  Code* code(const Expr& x) {
    if (!x) return nullptr;
    const auto found = codes_.find(x.get());
    if (found != codes_.end()) {
      if (!x->args.empty()) memoize(*found->second);
      return found->second;
    }
    Code made{.kind = x->kind, .type = x->type, .op = x->op, .context = x->context};
    made.constant = {x->integer, x->number};
    for (const Expr& arg : x->args) made.args.push_back(code(arg));
    if (x->kind == ExprNode::Kind::load) made.buffer = buffers_.at(x->buffer.get());
    if (x->kind == ExprNode::Kind::variable) {
      made.slot = slots_.at(x->variable.get());
      made.varies = varying_.contains(x->variable);
    } else if (is_lane_reduction(*x)) {
      memoize(made);
    } else {
      for (const Code* arg : made.args) made.varies = made.varies || arg->varies;
    }
    routine_.codes.push_back(std::make_unique<Code>(std::move(made)));
    return codes_[x.get()] = routine_.codes.back().get();
  }

  void memoize(Code& x) {
    if (x.memo == Code::kNoMemo) x.memo = take(routine_.memo_size, x.varies);
  }

  Routine routine_;
  std::unordered_map<const Variable*, size_t> slots_;
  std::unordered_map<const Buffer*, size_t> buffers_;
  std::unordered_map<const ExprNode*, Code*> codes_;
  VaryingSet varying_;
  int64_t lanes_ = 1;
};

}  // namespace

Routine resolve(const Kernel& kernel) {
  return Resolver().run(kernel);
}

}  // namespace sinter::loop::interpreter
