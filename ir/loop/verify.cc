#include <fmt/format.h>

#include <optional>
#include <unordered_set>

#include "ir/error.h"
#include "ir/loop/program.h"
#include "ir/loop/reducers.h"
#include "ir/loop/vary.h"

namespace sinter::loop {
namespace {

// Walks a kernel with what is in scope. Types need no check: the constructors of expressions and statements
// made it.
class Verifier {
 public:
  explicit Verifier(const Kernel& kernel) : kernel_(kernel) {}

  void run() {
    for (const BufferRef& buffer : kernel_.arguments) {
      if (buffer->space != Space::global) fail("argument {} is not global", buffer->name);
      if (!buffers_.insert(buffer.get()).second) fail("argument {} is listed twice", buffer->name);
    }
    if (kernel_.parts.empty()) fail("there are no parts");
    for (const Stmt& part : kernel_.parts) {
      at_root_ = true;
      lanes_ = std::nullopt;
      group_ = 0;
      visit(part);
    }
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    const std::string what = fmt::format(format, std::forward<Args>(args)...);
    throw InternalError(fmt::format("kernel {}: {}", kernel_.name, what));
  }

  void visit(const Stmt& stmt) {
    if (!stmt) fail("a statement is null");
    const bool at_root = at_root_;
    at_root_ = at_root && stmt->kind == StmtNode::Kind::allocate;
    switch (stmt->kind) {
      case StmtNode::Kind::block:
        for (const Stmt& child : stmt->body) visit(child);
        break;
      case StmtNode::Kind::loop:
        visit_loop(*stmt, at_root);
        break;
      case StmtNode::Kind::store:
        visit_store(*stmt);
        break;
      case StmtNode::Kind::let:
        visit_let(*stmt);
        break;
      case StmtNode::Kind::branch:
        visit_branch(*stmt);
        break;
      case StmtNode::Kind::allocate:
        visit_allocate(*stmt);
        break;
      case StmtNode::Kind::fault:
        visit_fault(*stmt);
        break;
      case StmtNode::Kind::barrier:
        if (!in_workgroup_) fail("a barrier outside of workgroups");
        if (in_vector_) fail("a barrier inside a vector loop");
        if (stmt->lanes != 0) visit_group(stmt->lanes);
        break;
      case StmtNode::Kind::prefetch:
        if (!buffers_.contains(stmt->buffer.get())) fail("{} is not in scope", stmt->buffer->name);
        check(stmt->index);
        break;
    }
  }

  void visit_loop(const StmtNode& s, bool at_root) {
    const std::string& loop_name = s.variable->name;
    check(s.begin);
    check(s.extent);
    if (varies(s.begin, varying_) || varies(s.extent, varying_)) {
      fail("the bounds of the loop over {} differ between lanes", loop_name);
    }
    if (s.limit) {
      if (s.loop_kind != LoopKind::vector) fail("the loop over {} has a limit but no lanes", loop_name);
      check(s.limit);
    }
    switch (s.loop_kind) {
      case LoopKind::serial:
        return visit_body(s);
      case LoopKind::unrolled:
        constant_extent(s, 0);
        return visit_body(s);
      case LoopKind::vector:
        return visit_vector(s);
      case LoopKind::lane:
        return visit_lanes(s);
      case LoopKind::parallel:
      case LoopKind::workgroup:
        break;
    }
    if (!at_root) fail("the parallel loop over {} is not at the root", loop_name);
    in_workgroup_ = s.loop_kind == LoopKind::workgroup;
    visit_body(s);
    in_workgroup_ = false;
  }

  void visit_vector(const StmtNode& s) {
    constant_extent(s, 1);
    if (in_vector_) fail("the vector loop over {} is inside another", s.variable->name);
    in_vector_ = true;
    if (as_integer(s.extent) != 1) varying_.insert(s.variable);  // a single lane is uniform
    visit_body(s);
    varying_.clear();
    in_vector_ = false;
  }

  void visit_lanes(const StmtNode& s) {
    const int64_t extent = constant_extent(s, 1);
    if (!in_workgroup_) fail("the lane loop over {} is outside of workgroups", s.variable->name);
    if (in_lanes_) fail("the lane loop over {} is inside another", s.variable->name);
    if (in_vector_) fail("the lane loop over {} is inside a vector loop", s.variable->name);
    if (lanes_ && *lanes_ != extent) {
      fail("the lane loop over {} has {} lanes, another one {}", s.variable->name, extent, *lanes_);
    }
    lanes_ = extent;
    in_lanes_ = true;
    visit_body(s);
    in_lanes_ = false;
  }

  int64_t constant_extent(const StmtNode& s, int64_t least) const {
    const auto extent = as_integer(s.extent);
    if (!extent) fail("the extent {} of the loop over {} is not constant", print(s.extent), s.variable->name);
    if (*extent < least) fail("the loop over {} has an extent of {}", s.variable->name, *extent);
    return *extent;
  }

  // The body of a loop or a let, in which its variable is known.
  void visit_body(const StmtNode& s) {
    if (!variables_.insert(s.variable.get()).second)
      fail("{} is bound inside its own scope", s.variable->name);
    visit(s.body[0]);
    variables_.erase(s.variable.get());
  }

  void visit_let(const StmtNode& s) {
    check(s.value);
    const bool differs = varies(s.value, varying_);
    if (differs) varying_.insert(s.variable);
    visit_body(s);
    if (differs) varying_.erase(s.variable);
  }

  void visit_store(const StmtNode& s) {
    check_access(*s.buffer, s.index, s.condition);
    if (s.buffer->space == Space::global && !s.buffer->written)
      fail("store to {}, which is read only", s.buffer->name);
    check(s.index);
    check(s.value);
    if (s.condition) check(s.condition);
    if (!in_vector_ || varies(s.index, varying_)) return;
    if (varies(s.value, varying_) || (s.condition && varies(s.condition, varying_))) {
      fail("store to {}[{}]: the lanes store different values to one element", s.buffer->name,
           print(s.index));
    }
  }

  void visit_branch(const StmtNode& s) {
    check(s.condition);
    if (varies(s.condition, varying_))
      fail("the condition {} of a branch differs between lanes", print(s.condition));
    for (const Stmt& child : s.body) visit(child);
  }

  void visit_allocate(const StmtNode& s) {
    const Buffer& buffer = *s.buffer;
    if (buffer.space == Space::global) fail("allocation of {}, which is global", buffer.name);
    if (buffer.space == Space::shared && in_lanes_)
      fail("allocation of {}, which is shared, in a lane", buffer.name);
    if (!buffers_.insert(&buffer).second) fail("{} is allocated inside its own scope", buffer.name);
    // At the root stays at the root: visit() left at_root_ as it was.
    visit(s.body[0]);
    buffers_.erase(&buffer);
  }

  void visit_group(int64_t lanes) {
    if (lanes < 0) fail("a barrier of {} lanes", lanes);
    if (group_ != 0 && group_ != lanes) fail("barriers of {} and of {} lanes", group_, lanes);
    group_ = lanes;
  }

  void visit_fault(const StmtNode& s) {
    if (s.site < 0) fail("a fault at site {}", s.site);
    check(s.condition);
    check(s.position);
    if (s.value) check(s.value);
  }

  void check_access(const Buffer& buffer, const Expr& index, const Expr& predicate) const {
    if (!buffers_.contains(&buffer)) fail("{} is not in scope", buffer.name);
    if (predicate) return;  // nothing is touched where it is false: it may be so wherever this lies outside
    const auto element = as_integer(index);
    if (element && (*element < 0 || *element >= buffer.size)) {
      fail("{}[{}] is out of bounds: it has {} elements", buffer.name, *element, buffer.size);
    }
  }

  void check(const Expr& x) {
    checked_.clear();
    check_node(x);
  }

  void check_node(const Expr& x) {
    if (!checked_.insert(x.get()).second) return;
    if (x->kind == ExprNode::Kind::variable && !variables_.contains(x->variable.get())) {
      fail("{} is not in scope", x->variable->name);
    }
    if (x->kind == ExprNode::Kind::load) {
      check_access(*x->buffer, x->args[0], x->args.size() > 1 ? x->args[1] : nullptr);
    }
    if (is_lane_reduction(*x) && !in_vector_) fail("{} outside of a vector loop", name(x->op));
    if (x->kind == ExprNode::Kind::apply && x->op == ScalarOp::subgroup_sum) {
      const ExprNode& summed = *x->args[0];
      const bool is_shared = summed.kind == ExprNode::Kind::load && summed.buffer->space == Space::shared;
      if (!in_lanes_ || !is_shared) fail("{} of what other lanes do not see", name(x->op));
    }
    for (const Expr& arg : x->args) check_node(arg);
  }

  const Kernel& kernel_;
  std::unordered_set<const Variable*> variables_;
  std::unordered_set<const Buffer*> buffers_;
  std::unordered_set<const ExprNode*> checked_;
  VaryingSet varying_;
  std::optional<int64_t> lanes_;
  int64_t group_ = 0;  // lanes of the barriers that are not for all
  bool at_root_ = false, in_workgroup_ = false, in_lanes_ = false, in_vector_ = false;
};

}  // namespace

void verify(const Kernel& kernel) {
  Verifier(kernel).run();
}

}  // namespace sinter::loop
