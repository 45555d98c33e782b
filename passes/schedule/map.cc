#include <algorithm>

#include "ir/error.h"
#include "passes/schedule/core/elementwise_loops.h"
#include "passes/schedule/core/schedules.h"

// The schedules of `map`: one pass over a domain, vectors along its last axes.
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

ElementwiseBlocks best_blocks(const Template& t) {
  return choose_elementwise(elementwise_domain(domain_of(t.body), is_flat(t.body)), t.width(), t.lanes(),
                            t.target().elements_a_unit());
}

std::vector<Numbers> flat_choices(Template& t) {
  const ElementwiseBlocks best = best_blocks(t);
  if (best.by_rows) return {};
  return {{{"lanes", {best.lanes}}, {"vectors", {best.unit}}}};
}

std::vector<Numbers> map_row_choices(Template& t) {
  const ElementwiseBlocks best = best_blocks(t);
  if (!best.by_rows) return {};
  return {{{"lanes", {best.lanes}}, {"rows", {best.unit}}}};
}

loop::Kernel emit_map(Template& t, const Choice& choice, bool by_rows) {
  ElementwiseBlocks blocks{elementwise_domain(domain_of(t.body), is_flat(t.body)), by_rows};
  ChoiceReader read(choice, t.kernel.location);
  read.require(!by_rows || blocks.domain.size() > 1, "the kernel has no rows");
  blocks.lanes = read.lanes(kMostVectors * t.lanes());
  blocks.unit = read.number(by_rows ? "rows" : "vectors", 1, kMostOfUnit);
  read.finish();
  return t.finish(elementwise_loops(t, blocks, [&](const DomainPoint& at) {
    const Tile tile = Tile::of_outputs(t.body, at.domain, at.index, t.loader.ranges());
    return loop::block({t.checks(tile, at.predicate), store_tile(t.loader, tile, t.stores(), at.predicate)});
  }));
}

}  // namespace

// Over all elements as they come.
constinit const Schedule kMapFlat = {
    graph::Anchor::map, "map.flat", flat_choices,
    [](Template& t, const Choice& choice) { return emit_map(t, choice, false); }};
// Along the last axis.
constinit const Schedule kMapRows = {
    graph::Anchor::map, "map.rows", map_row_choices,
    [](Template& t, const Choice& choice) { return emit_map(t, choice, true); }};

}  // namespace sinter::passes
