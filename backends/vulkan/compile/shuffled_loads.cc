#include "backends/vulkan/compile/shuffled_loads.h"

#include <algorithm>
#include <map>
#include <set>

#include "ir/loop/affine.h"
#include "ir/loop/walk.h"

namespace sinter::vulkan {

using loop::Expr;
using loop::ExprNode;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;
using loop::StmtNode;

struct ShuffledLoads::Region {
  // Indices that differ by constants, and the loads at each.
  using Family = std::map<int64_t, std::vector<const ExprNode*>>;
  std::map<Expr, Family, loop::ExprLess> families;  // by the load without its constant
  std::unordered_set<const ExprNode*> seen;
};

namespace {

struct Run {
  int64_t step = 0, count = 1;
};

// The longest run of equal steps from the least of `places`, of at most `most` places.
Run longest_run(const std::set<int64_t>& places, int64_t most) {
  Run best;
  const int64_t first = *places.begin();
  for (const int64_t second : places) {
    if (second == first) continue;
    Run run{second - first, 2};
    while (run.count < most && places.contains(first + run.count * run.step)) ++run.count;
    if (run.count > best.count) best = run;
    if (best.count == most) break;
  }
  return best;
}

bool is_loadable(const ExprNode& load) {
  const loop::Buffer& buffer = *load.buffer;
  return buffer.space == loop::Space::global && !buffer.written && buffer.type == loop::Type::f32 &&
         load.args.size() == 1;
}

}  // namespace

ShuffledLoads::ShuffledLoads(const Stmt& loops, int64_t lanes) : lanes_(lanes) {
  if (lanes > 1) visit(loops, nullptr);
  for (const ExprNode* load : elsewhere_) elements_.erase(load);
}

std::optional<ShuffledElement> ShuffledLoads::find(const ExprNode& load) const {
  const auto it = elements_.find(&load);
  if (it == elements_.end()) return {};
  return it->second;
}

void ShuffledLoads::visit(const Stmt& stmt, Region* region) {
  for (const Expr* x : loop::expressions(*stmt)) {
    if (*x) visit(*x, region);
  }
  switch (stmt->kind) {
    case StmtNode::Kind::loop:
      return visit_loop(*stmt, region);
    case StmtNode::Kind::let:
      if (!is_uniform(stmt->value)) varying_.insert(stmt->variable.get());
      return visit(stmt->body[0], region);
    case StmtNode::Kind::branch:
      for (const Stmt& child : stmt->body) {
        in_new_region(child, region != nullptr && is_uniform(stmt->condition));
      }
      return;
    default:
      for (const Stmt& child : stmt->body) visit(child, region);
  }
}

void ShuffledLoads::visit_loop(const StmtNode& s, Region* region) {
  const Stmt& body = s.body[0];
  switch (s.loop_kind) {
    case LoopKind::workgroup:
      return visit(body, region);
    case LoopKind::lane:
      varying_.insert(s.variable.get());
      return in_new_region(body, loop::as_integer(s.extent) == lanes_);
    default: {
      const bool all_alike = region != nullptr && is_uniform(s.begin) && is_uniform(s.extent);
      if (!all_alike) varying_.insert(s.variable.get());
      return in_new_region(body, all_alike);
    }
  }
}

void ShuffledLoads::in_new_region(const Stmt& stmt, bool is_uniform) {
  if (!is_uniform) return visit(stmt, nullptr);
  Region region;
  visit(stmt, &region);
  spread(region);
}

void ShuffledLoads::visit(const Expr& x, Region* region) {
  if (x->kind == ExprNode::Kind::load && is_loadable(*x) && (!region || elements_.contains(x.get())))
    elsewhere_.insert(x.get());
  if (!region || !region->seen.insert(x.get()).second) return;
  for (const Expr& arg : x->args) visit(arg, region);
  if (x->kind != ExprNode::Kind::load || !is_loadable(*x) || !is_uniform(x->args[0])) return;
  Expr rest = x->args[0];
  int64_t constant = 0;
  const bool is_sum = rest->kind == ExprNode::Kind::apply && rest->op == ScalarOp::add;
  if (const auto added = is_sum ? loop::as_integer(rest->args[1]) : std::nullopt) {
    constant = *added;
    rest = rest->args[0];
  }
  region->families[loop::load(x->buffer, rest)][constant].push_back(x.get());
}

void ShuffledLoads::spread(const Region& region) {
  for (const auto& [of_rest, family] : region.families) {
    std::set<int64_t> places;
    for (const auto& [place, loads] : family) places.insert(place);
    while (!places.empty()) {
      const int64_t first = *places.begin();
      const Run run = longest_run(places, lanes_);
      for (int64_t lane = 0; lane < run.count; ++lane) {
        const int64_t place = first + lane * run.step;
        places.erase(place);
        if (run.count == 1) continue;
        for (const ExprNode* load : family.at(place))
          elements_[load] = {of_rest->args[0] + first, run.step, run.count - 1, lane};
      }
    }
  }
}

bool ShuffledLoads::is_uniform(const Expr& x) const {
  std::vector<const ExprNode*> pending = {x.get()};
  std::unordered_set<const ExprNode*> seen;
  while (!pending.empty()) {
    const ExprNode& next = *pending.back();
    pending.pop_back();
    if (!seen.insert(&next).second) continue;
    if (next.kind == ExprNode::Kind::load) return false;
    if (next.kind == ExprNode::Kind::variable && varying_.contains(next.variable.get())) return false;
    for (const Expr& arg : next.args) pending.push_back(arg.get());
  }
  return true;
}

}  // namespace sinter::vulkan
