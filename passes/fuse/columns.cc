#include "passes/fuse/columns.h"

#include <algorithm>
#include <unordered_set>

#include "ir/graph/builder.h"
#include "passes/base/rewrite.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;

namespace {

constexpr int64_t kMostBlocks = 64;  // what is left to add, and the units of work
constexpr int64_t kFewestBlocks = 4;
constexpr int64_t kRowsABlock = 16;     // fewer, and the sums of blocks are as large as what they sum
constexpr int64_t kMostColumns = 4096;  // in a unit's own memory
constexpr size_t kMostSums = 8;

using Values = std::unordered_set<Value, graph::ValueHash>;

int64_t product(const Shape& shape, size_t begin, size_t end) {
  int64_t result = 1;
  for (size_t i = begin; i < end; ++i) result *= shape[i];
  return result;
}

// Whether the axes are the first `count` of their shape.
bool are_first(const std::vector<int64_t>& axes, size_t count) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != static_cast<int64_t>(i)) return false;
  }
  return axes.size() == count;
}

// The largest number of blocks of equal size; 0 where there is none that fits.
int64_t blocks_of(int64_t rows) {
  for (int64_t blocks = std::min(kMostBlocks, rows / kRowsABlock); blocks >= kFewestBlocks; --blocks) {
    if (rows % blocks == 0) return blocks;
  }
  return 0;
}

// What an elementwise computation of `value` goes through, of the same number of elements.
void collect(Value value, Values& values) {
  std::vector<Value> pending = {value};
  while (!pending.empty()) {
    const Value next = pending.back();
    pending.pop_back();
    const Op& op = *next.op;
    if (!values.insert(next).second || (op.kind() != OpKind::elementwise && op.code != OpCode::reshape))
      continue;
    for (Value operand : op.operands) {
      const bool computed = operand.type().elements() == next.type().elements() && !is_virtual(*operand.op);
      if (computed || operand.op->code == OpCode::reshape) pending.push_back(operand);
    }
  }
}

class Split {
 public:
  Split(graph::Module& module, graph::Function& function) : module_(module), function_(function) {}

  void run() {
    for (const auto& op : function_.ops()) {
      if (op->kind() == OpKind::reduction &&
          are_last(op->attributes.integers("axes"), op->operands[0].rank()))
        collect(op->operands[0], by_rows_[last_extent(*op)]);
    }
    Replacements replacements;
    rewrite_ops(function_, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
      if (!is_wanted(op)) return std::nullopt;
      return split(op);
    });
    if (!made_.empty()) sink();
  }

 private:
  static int64_t last_extent(const Op& op) {
    const Shape& shape = op.operands[0].shape();
    return product(shape, shape.size() - op.attributes.integers("axes").size(), shape.size());
  }

  bool is_wanted(const Op& op) const {
    if (op.code != OpCode::reduce_sum || op.results[0].dtype != graph::DType::f32) return false;
    const auto& axes = op.attributes.integers("axes");
    const Shape& shape = op.operands[0].shape();
    if (axes.empty() || axes.size() == shape.size() || !are_first(axes, axes.size())) return false;
    const int64_t rows = product(shape, 0, axes.size()), columns = product(shape, axes.size(), shape.size());
    if (columns < 2 || columns > kMostColumns || blocks_of(rows) == 0) return false;
    const auto it = by_rows_.find(columns);
    if (it == by_rows_.end()) return false;
    Values summed;
    collect(op.operands[0], summed);
    return std::any_of(summed.begin(), summed.end(), [&](Value value) {
      return it->second.contains(value) && value.type().elements() == rows * columns;
    });
  }

  std::vector<Value> split(Op& op) {
    graph::Builder b(module_, function_);
    b.set_location(op.location);
    const size_t folded = op.attributes.integers("axes").size();
    const Shape& shape = op.operands[0].shape();
    const int64_t rows = product(shape, 0, folded), columns = product(shape, folded, shape.size());
    const int64_t blocks = blocks_of(rows);
    const Value blocked = b.reshape(op.operands[0], {blocks, rows / blocks, columns});
    const Value sums = b.reduce_sum(blocked, {1});
    made_.insert(sums.op);
    return {b.reshape(b.reduce_sum(sums, {0}), op.results[0].shape)};
  }

  // The sums behind all that does not wait for them: by then the rows' kernels have formed.
  void sink() {
    std::unordered_set<const Op*> late = made_;
    std::unordered_set<std::string> written;
    for (const auto& op : function_.ops()) {
      const bool waits = std::any_of(op->operands.begin(), op->operands.end(),
                                     [&](Value operand) { return late.contains(operand.op); });
      const bool reads_written = (op->code == OpCode::read || op->code == OpCode::write) &&
                                 written.contains(op->attributes.text("state"));
      if (waits || reads_written) late.insert(op.get());
      if (late.contains(op.get()) && op->code == OpCode::write) written.insert(op->attributes.text("state"));
    }
    std::stable_partition(function_.ops().begin(), function_.ops().end(),
                          [&](const auto& op) { return !late.contains(op.get()); });
  }

  graph::Module& module_;
  graph::Function& function_;
  std::unordered_map<int64_t, Values> by_rows_;  // by the length of a row: what goes into its reductions
  std::unordered_set<const Op*> made_;
};

}  // namespace

void split_columns(graph::Module& module, graph::Function& function) {
  Split(module, function).run();
}

bool takes_columns(const Group& group, const Op& op) {
  if (group.anchor != graph::Anchor::reduce || op.code != OpCode::reduce_sum || !group.goes_along_rows())
    return false;
  const Shape& blocked = op.operands[0].shape();
  if (blocked.size() != 3 || op.attributes.integers("axes") != std::vector<int64_t>{1}) return false;
  const int64_t rows = group.rows();
  if (graph::element_count(blocked) == 0) return false;
  if (blocked[0] * blocked[1] != rows || blocked[2] > kMostColumns ||
      op.operands[0].type().elements() != graph::element_count(group.domain))
    return false;
  size_t sums = 0;
  for (const Op* member : group.ops) {
    const auto it = group.places.find({const_cast<Op*>(member), 0});
    if (it == group.places.end() || !it->second.column) continue;
    ++sums;
    if (member->operands[0].shape() != blocked) return false;
  }
  if (sums == kMostSums) return false;
  Value x = op.operands[0];
  while (x.shape() != group.domain && x.op->code == OpCode::reshape) x = x.op->operands[0];
  if (x.shape() != group.domain) return false;
  if (const auto place = place_in(group, x)) return *place == Place{};
  // What it sums is made elsewhere, of what the group's kernel reads as well.
  Values made_of, read;
  collect(x, made_of);
  for (const Op* member : group.ops) {
    for (Value operand : member->operands) {
      if (operand.type().elements() == x.type().elements()) collect(operand, read);
    }
  }
  return std::any_of(made_of.begin(), made_of.end(), [&](Value value) { return read.contains(value); });
}

}  // namespace sinter::passes
