#include <algorithm>

#include "ir/error.h"
#include "passes/schedule/core/elementwise_loops.h"

// The schedule of `map`: one pass over a domain, vectors along its last axes.
namespace sinter::passes {

using graph::OpCode;
using graph::OpKind;
using graph::Shape;

namespace {

// Whether every element depends only on elements at its own position (and on scalars): then the domain is as
// good as flat, however many axes it has.
bool is_flat(const graph::Function& body) {
  for (const auto& op : body.ops()) {
    switch (op->kind()) {
      case OpKind::elementwise:
      case OpKind::check:
        continue;
      case OpKind::source:
        if (op->code == OpCode::iota) return false;
        continue;
      case OpKind::view: {
        const bool splat = op->code == OpCode::broadcast && op->operands[0].type().elements() == 1;
        if (!splat && op->code != OpCode::reshape) return false;
        continue;
      }
      default:
        return false;
    }
  }
  return true;
}

// What the kernel makes, or where it makes nothing, what it checks.
Shape domain_of(const graph::Function& body) {
  if (!body.outputs.empty()) return body.outputs[0].value.shape();
  for (const auto& op : body.ops()) {
    if (op->kind() == OpKind::check) return op->results[0].shape;
  }
  throw InternalError("a kernel that makes nothing");
}

}  // namespace

loop::Kernel schedule_map(Template& t) {
  const Shape domain = domain_of(t.body);
  return t.finish(elementwise_loops(t, domain, t.width(), is_flat(t.body), [&](const DomainPoint& at) {
    const Tile tile = Tile::of_outputs(t.body, at.domain, at.index, t.loader.ranges());
    return loop::block({t.checks(tile, at.predicate), store_tile(t.loader, tile, t.stores(), at.predicate)});
  }));
}

}  // namespace sinter::passes
