#include "ir/error.h"
#include "passes/schedule/core/elementwise_loops.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `update`: a block is written into a tensor that lies where the result belongs; the rest of
// it stays as it is. `order` makes such kernels.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;
using loop::Expr;

namespace {

const Op& update_of(const graph::Function& body) {
  const Op& op = *body.outputs.at(0).value.op;
  if (op.code != OpCode::dynamic_update)
    throw InternalError("a kernel of the anchor update that makes something else");
  return op;
}

std::vector<Numbers> update_choices(Template& t) {
  return {{{"lanes", {t.lanes()}}, {"unit", {t.target().elements_a_unit()}}}};
}

loop::Kernel emit_update(Template& t, const Choice& choice) {
  ChoiceReader read(choice, t.kernel.location);
  const int64_t lanes = read.lanes(kMostVectors * t.lanes());
  const int64_t unit_elements = read.number("unit", 1, kMostOfUnit);
  read.finish();
  const Op& op = update_of(t.body);
  const Value block = op.operands[1];
  const Shape& whole = op.results[0].shape;
  const auto domain = elementwise_domain(block.shape(), false);
  const ElementwiseBlocks blocks = choose_elementwise(domain, lanes, lanes, unit_elements);
  return t.finish(elementwise_loops(t, blocks, [&](const DomainPoint& at) {
    const Tile tile = Tile::of_values(t.body, {block}, at.domain, at.index, t.loader.ranges());
    return with_values(t.loader, tile, {block}, at.predicate, [&](const std::vector<Expr>& values) {
      Index index = *tile.find(block);
      for (size_t axis = 0; axis < index.size(); ++axis) {
        index[axis] = t.loader.block_start(op, axis, at.predicate) + index[axis];
      }
      return loop::store(t.outputs[0], t.loader.simplify(linearize(index, whole)), values[0], at.predicate);
    });
  }));
}

}  // namespace

constinit const Schedule kUpdate = {graph::Anchor::update, "update", update_choices, emit_update};

}  // namespace sinter::passes
