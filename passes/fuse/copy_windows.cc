#include "passes/fuse/copy_windows.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"
#include "passes/fuse/groups.h"
#include "passes/fuse/legalize.h"

namespace sinter::passes {

using graph::ContractDims;
using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;

namespace {

// Of a copy. Beyond, the memory that it takes would be felt.
constexpr int64_t kMostBytes = int64_t{64} << 20;

bool is_view(const Op& op) {
  return is_virtual(op) && op.operands.size() == 1;
}

// Whether the value is made by views, one of which is a `code`.
bool is_made_by(OpCode code, Value value) {
  for (; is_view(*value.op); value = value.op->operands[0]) {
    if (value.op->code == code) return true;
  }
  return false;
}

// The same views of a copy of what is padded, so that none asks which elements there are.
Value over_copied_pad(graph::Builder& b, Value value) {
  const Op& op = *value.op;
  if (op.code == OpCode::pad) return apart(b.function(), op);
  return b.emit(op.code, {over_copied_pad(b, op.operands[0])}, op.attributes).result();
}

// How many axes of `from` each axis of `to` is made of, where each is of whole ones.
std::optional<std::vector<size_t>> merged_axes(const Shape& from, const Shape& to) {
  std::vector<size_t> counts;
  size_t next = 0;
  for (int64_t extent : to) {
    int64_t product = 1;
    const size_t first = next;
    while (next < from.size() && (product < extent || (extent == 1 && next == first)))
      product *= from[next++];
    if (product != extent) return std::nullopt;
    counts.push_back(next - first);
  }
  return next == from.size() ? std::optional(counts) : std::nullopt;
}

// The operand's axes, in an order that has those summed over last, but for the first ones. Where its last
// axis is summed over, neighbours in it are in one window, and it is well as it is.
std::vector<size_t> order_of(const ContractDims& dims, const std::string& letters) {
  std::vector<size_t> order, last;
  for (size_t i = 0; i < letters.size(); ++i) {
    const bool leads = order.size() == i && (i == 0 || dims.is_summed(letters[i - 1]));
    (dims.is_summed(letters[i]) && !leads ? last : order).push_back(i);
  }
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

// The operand with its axes in this order, copied. The views that it is made of tell its axes apart for
// longer than it does itself, so that the copy's loops are simple.
Value copy_in_order(graph::Builder& b, Value operand, const std::vector<size_t>& order) {
  Value whole = operand;
  std::vector<size_t> counts(operand.shape().size(), 1);
  if (operand.op->code == OpCode::reshape) {
    const Value before = operand.op->operands[0];
    if (const auto merged = merged_axes(before.shape(), operand.shape())) {
      whole = before;
      counts = *merged;
    }
  }
  std::vector<int64_t> permutation;
  Shape shape;
  for (size_t axis : order) {
    size_t first = 0;
    for (size_t i = 0; i < axis; ++i) first += counts[i];
    for (size_t i = 0; i < counts[axis]; ++i) permutation.push_back(static_cast<int64_t>(first + i));
    shape.push_back(operand.shape()[axis]);
  }
  const Value turned = b.transpose(whole, permutation);
  return b.reshape(apart(b.function(), *turned.op), shape);
}

}  // namespace

void copy_windows(graph::Module& module, graph::Function& function) {
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    if (op.code != OpCode::contract) return std::nullopt;
    ContractDims dims = ContractDims::parse(op.attributes.text("dims"));
    graph::Builder b(module, function);
    b.set_location(op.location);
    bool copied = false;
    for (size_t side = 0; side < 2; ++side) {
      std::string& letters = side == 0 ? dims.lhs : dims.rhs;
      Value& operand = op.operands[side];
      if (!is_made_by(OpCode::window, operand)) continue;
      if (is_made_by(OpCode::pad, operand)) operand = over_copied_pad(b, operand);
      if (letters.empty() || dims.is_summed(letters.back())) continue;
      const std::vector<size_t> order = order_of(dims, letters);
      if (std::is_sorted(order.begin(), order.end()) || operand.type().bytes() > kMostBytes) continue;
      operand = copy_in_order(b, operand, order);
      std::string moved;
      for (size_t axis : order) moved += letters[axis];
      letters = moved;
      copied = true;
    }
    if (copied) op.attributes.set("dims", dims.text());
    return std::nullopt;
  });
}

}  // namespace sinter::passes
