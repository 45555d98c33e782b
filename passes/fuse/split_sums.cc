#include "passes/fuse/split_sums.h"

#include <algorithm>

#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;

namespace {

constexpr int64_t kTile = 16 * 16;       // elements of the result that a workgroup makes at least
constexpr int64_t kManyWorkgroups = 64;  // that keep a machine busy
constexpr int64_t kStepsAPart = 256;     // fewer are not worth a second kernel

// The largest divisor of `extent` with parts that are long enough and no more of them than are wanted.
int64_t parts_of(int64_t extent, int64_t wanted) {
  for (int64_t parts = std::min(wanted, extent / kStepsAPart); parts > 1; --parts) {
    if (extent % parts == 0) return parts;
  }
  return 1;
}

// x with the axis of `letter` cut in two, the parts in front of it.
Value cut(graph::Builder& b, Value x, size_t axis, int64_t parts) {
  Shape shape = x.shape();
  shape[axis] /= parts;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), parts);
  return b.reshape(x, shape);
}

std::optional<Value> split(graph::Module& module, graph::Function& function, const Op& op) {
  const int64_t elements = op.results[0].elements();
  const int64_t tiles = (elements + kTile - 1) / kTile;
  if (elements == 0 || tiles >= kManyWorkgroups) return std::nullopt;
  ContractDims dims = ContractDims::parse(op.attributes.text("dims"));
  const Value lhs = op.operands[0], rhs = op.operands[1];
  for (size_t axis = 0; axis < dims.lhs.size(); ++axis) {
    const char letter = dims.lhs[axis];
    const size_t other = dims.rhs.find(letter);
    if (!dims.is_summed(letter) || other == std::string::npos) continue;
    const int64_t parts = parts_of(lhs.shape()[axis], kManyWorkgroups / tiles);
    if (parts == 1) continue;
    char part = 'a';
    while ((dims.lhs + dims.rhs).find(part) != std::string::npos) ++part;
    dims.lhs.insert(axis, 1, part);
    dims.rhs.insert(other, 1, part);
    dims.result.insert(0, 1, part);
    graph::Builder b(module, function);
    b.set_location(op.location);
    graph::Attributes attributes = op.attributes;
    attributes.set("dims", dims.text());
    const Value sums =
        b.emit(OpCode::contract, {cut(b, lhs, axis, parts), cut(b, rhs, other, parts)}, attributes).result();
    return b.reduce_sum(sums, {0});
  }
  return std::nullopt;
}

}  // namespace

void split_sums(graph::Module& module, graph::Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::contract) return std::nullopt;
    const auto whole = split(module, function, op);
    if (!whole) return std::nullopt;
    return std::vector<Value>{*whole};
  });
}

}  // namespace sinter::passes
