#include <fmt/format.h>

#include "ir/error.h"
#include "passes/differentiate/vjp.h"

// A sum over ranks is its own gradient: each rank's loss counts, so each leaf of the sum gets the cotangents
// of all ranks, added.
namespace sinter::passes {

using graph::Value;

std::vector<Value> all_reduce_vjp(const Vjp& v) {
  const graph::Attributes& attributes = v.op.attributes;
  if (attributes.text("fold") != "sum") {
    throw GraphError(fmt::format("all_reduce: a {} over ranks has no gradient{}", attributes.text("fold"),
                                 at(v.op.location)));
  }
  std::vector<Value> present;
  for (size_t i = 0; i < v.op.parts(); ++i) {
    if (!v.cotangents[i]) continue;
    graph::Shape shape = v.cotangents[i].shape();
    shape.insert(shape.begin(), 1);
    present.push_back(v.b.reshape(v.cotangents[i], shape));
  }
  const int64_t ranks = attributes.integer("ranks");
  const std::vector<Value> sums =
      v.b.all_reduce(present, "sum", ranks,
                     {attributes.integer("rank"), ranks, v.y(static_cast<int>(v.op.results.size()) - 1)});
  std::vector<Value> result(v.op.operands.size());
  for (size_t i = 0, next = 0; i < v.op.parts(); ++i) {
    if (!v.cotangents[i]) continue;
    std::vector<int64_t> dims;
    for (int64_t axis = 1; axis < v.x(i).rank(); ++axis) dims.push_back(axis);
    result[i] = v.b.broadcast(sums[next++], v.x(i).shape(), dims);
  }
  return result;
}

}  // namespace sinter::passes
