#include "backends/vulkan/compile/vec4_loads.h"

#include <fmt/format.h>

#include <map>
#include <unordered_set>

namespace sinter::vulkan {

using loop::Expr;
using loop::ExprNode;
using loop::ScalarOp;

namespace {

bool is_apply(const ExprNode& x, ScalarOp op) {
  return x.kind == ExprNode::Kind::apply && x.op == op;
}

bool is_multiple_of_four(const Expr& x) {
  if (const auto constant = loop::as_integer(x)) return *constant % 4 == 0;
  if (is_apply(*x, ScalarOp::add)) return is_multiple_of_four(x->args[0]) && is_multiple_of_four(x->args[1]);
  if (is_apply(*x, ScalarOp::mul)) return is_multiple_of_four(x->args[0]) || is_multiple_of_four(x->args[1]);
  return false;
}

struct Place {
  Expr rest;  // a multiple of four
  int64_t constant = 0;
  std::string group;
};

std::optional<Place> place_of(const ExprNode& load) {
  const loop::Buffer& buffer = *load.buffer;
  const bool fits = buffer.space == loop::Space::global && !buffer.written &&
                    buffer.type == loop::Type::f32 && buffer.size % 4 == 0 && load.args.size() == 1;
  if (!fits) return {};
  Place place{load.args[0], 0, {}};
  if (is_apply(*place.rest, ScalarOp::add)) {
    if (const auto constant = loop::as_integer(place.rest->args[1])) {
      place.constant = *constant;
      place.rest = place.rest->args[0];
    }
  }
  if (place.constant < 0 || !is_multiple_of_four(place.rest)) return {};
  place.group = fmt::format("{}[{}+{}]", buffer.name, loop::print(place.rest), place.constant / 4);
  return place;
}

// Every load of a kernel, once.
template <typename Use>
class LoadWalk {
 public:
  explicit LoadWalk(Use use) : use_(std::move(use)) {}

  void visit(const loop::Stmt& stmt) {
    for (const Expr& x :
         {stmt->begin, stmt->extent, stmt->index, stmt->value, stmt->condition, stmt->position}) {
      if (x) visit(x);
    }
    for (const loop::Stmt& child : stmt->body) visit(child);
  }

 private:
  void visit(const Expr& x) {
    if (!seen_.insert(x.get()).second) return;
    if (x->kind == ExprNode::Kind::load) use_(*x);
    for (const Expr& arg : x->args) visit(arg);
  }

  Use use_;
  std::unordered_set<const ExprNode*> seen_;
};

}  // namespace

Vec4Loads::Vec4Loads(const loop::Kernel& kernel) {
  std::map<std::string, std::set<int64_t>> lanes;
  LoadWalk([&](const ExprNode& load) {
    const auto place = place_of(load);
    if (!place) return;
    std::set<int64_t>& used = lanes[place->group];
    used.insert(place->constant % 4);
    if (used.size() < 2) return;
    groups_.insert(place->group);
    buffers_.insert(load.buffer.get());
  }).visit(kernel.body);
}

std::optional<Vec4Element> Vec4Loads::find(const ExprNode& load) const {
  const auto place = place_of(load);
  if (!place || !groups_.contains(place->group)) return {};
  return Vec4Element{place->rest / 4 + place->constant / 4, place->constant % 4};
}

}  // namespace sinter::vulkan
