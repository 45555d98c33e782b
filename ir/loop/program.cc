#include "ir/loop/program.h"

namespace sinter::loop {

Collective collective_of(const graph::Op& op) {
  Collective collective;
  collective.op = op.code;
  collective.rank = op.attributes.integer("rank");
  collective.ranks = op.attributes.integer("ranks");
  if (op.code != graph::OpCode::all_gather) {
    collective.fold = op.attributes.text("fold");
    collective.leaves = op.attributes.integer("leaves");
    collective.pieces = op.operands[0].shape()[0];
  }
  for (size_t i = 0; i < op.parts(); ++i) {
    const graph::TensorType& type = op.operands[i].type();
    collective.parts.push_back({type.dtype, type.elements() / collective.pieces,
                                op.attributes.has("owners") ? op.attributes.integers("owners")[i] : 0});
  }
  return collective;
}

}  // namespace sinter::loop
