#include "passes/fuse/shorten_loops.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "ir/graph/builder.h"
#include "ir/integers.h"
#include "ir/loop/reducers.h"
#include "passes/base/rewrite.h"
#include "passes/fuse/groups.h"
#include "passes/fuse/trial.h"
#include "passes/schedule/reduce/reduce.h"
#include "passes/schedule/reduce/sum_blocks.h"

namespace sinter::passes {

using graph::Builder;
using graph::ContractDims;
using graph::DType;
using graph::Op;
using graph::OpCode;
using graph::Shape;
using graph::Value;

namespace {

constexpr int64_t kElementsATurn = 4;  // of a row, at least where it has so many
constexpr int64_t kAStep = 4;          // iterations of a contraction's step at most

// How an extent is cut: into `parts` of `chunk`, and a rest that is no longer than a part.
struct Cut {
  Cut(int64_t extent, int64_t most) {
    const int64_t fewest = ceil_div(extent, most);
    const int64_t last = std::min(2 * fewest, extent / 2);
    for (parts = fewest; parts < last && extent % parts != 0;) ++parts;
    if (extent % parts != 0) parts = fewest;
    chunk = extent / parts;
    rest = extent - parts * chunk;
  }

  int64_t parts, chunk, rest;
};

// x with an axis cut in two, the parts in front.
Value split_axis(Builder& b, Value x, size_t axis, int64_t parts) {
  Shape shape = x.shape();
  shape[axis] /= parts;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), parts);
  return b.reshape(x, shape);
}

Value part_of(Builder& b, Value x, size_t axis, int64_t begin, int64_t end) {
  return b.slice_axis(x, static_cast<int64_t>(axis), begin, end);
}

class Shortener {
 public:
  Shortener(Builder& builder, const loop::Target& target)
      : b_(builder), target_(target), most_(std::max<int64_t>(target.max_iterations - kOtherIterations, 2)) {}

  std::optional<std::vector<Value>> shortened(const Op& op) {
    const auto is_empty = [](const auto& x) { return x.elements() == 0; };
    if (op.kind() == graph::OpKind::view || std::ranges::any_of(op.results, is_empty) ||
        std::ranges::any_of(op.operands, [&](Value x) { return is_empty(x.type()); }))
      return std::nullopt;
    switch (op.code) {
      case OpCode::reduce_sum:
      case OpCode::reduce_max:
      case OpCode::reduce_min: {
        const auto& axes = op.attributes.integers("axes");
        if (fits_reduction(op.operands[0].shape(), axes)) return std::nullopt;
        return std::vector{reduce(op.code, op.operands[0], axes)};
      }
      case OpCode::contract: {
        if (fits_contract(op)) return std::nullopt;
        const auto dims = ContractDims::parse(op.attributes.text("dims"));
        return std::vector{contract(op, op.operands[0], op.operands[1], dims)};
      }
      case OpCode::scatter_add:
        if (op.operands[1].type().elements() <= most_) return std::nullopt;
        return std::vector{scatter_add(op)};
      case OpCode::cumsum: {
        const int64_t axis = op.attributes.integer("axis");
        if (fits_cumsum(op.operands[0].shape()[static_cast<size_t>(axis)])) return std::nullopt;
        return std::vector{cumsum(op.operands[0], axis, op.attributes.flag("reverse"))};
      }
      case OpCode::top_k: {
        const int64_t k = op.attributes.integer("k");
        if (fits_top_k(op.operands[0].shape().back(), k)) return std::nullopt;
        const auto [values, positions] = top_k(op.operands[0], k);
        return std::vector{values, positions};
      }
      default:
        return std::nullopt;
    }
  }

 private:
  static int64_t length_of(const Shape& shape, const std::vector<int64_t>& axes) {
    int64_t length = 1;
    for (const int64_t axis : axes) length *= shape[static_cast<size_t>(axis)];
    return length;
  }

  bool fits_reduction(const Shape& shape, const std::vector<int64_t>& axes) const {
    const int64_t length = length_of(shape, axes);
    const bool along = !axes.empty() && axes.back() == static_cast<int64_t>(shape.size()) - 1;
    const int64_t rows = graph::element_count(shape) / length;
    return iterations_of_pass(rows, length, along, false, target_) <= most_;
  }

  // In parts of which several passes fit.
  Value reduce(OpCode code, Value x, std::vector<int64_t> axes) {
    if (fits_reduction(x.shape(), axes)) return b_.emit(code, {x}, {{"axes", axes}}).result();
    const bool along = axes.back() == x.rank() - 1;
    const int64_t most = std::max<int64_t>(2, along ? most_ / 4 * kElementsATurn : most_ / 2);
    const auto axis = static_cast<size_t>(axes[0]);
    const int64_t extent = x.shape()[axis], others = length_of(x.shape(), axes) / extent;
    if (axes.size() > 1 && others > most / 2) {
      const Value parts = reduce(code, x, {axes.begin() + 1, axes.end()});
      return reduce(code, parts, {axes[0]});
    }
    const Cut cut(extent, most / others);
    if (cut.rest > 0) {
      const Value whole = reduce(code, part_of(b_, x, axis, 0, extent - cut.rest), axes);
      const Value rest = reduce(code, part_of(b_, x, axis, extent - cut.rest, extent), axes);
      return b_.elementwise(loop::reducer_of(code).elementwise, {whole, rest});
    }
    for (int64_t& reduced : axes) ++reduced;
    return reduce(code, reduce(code, split_axis(b_, x, axis, cut.parts), axes), {static_cast<int64_t>(axis)});
  }

  // A step is an iteration, and staging what it multiplies some more; or lanes have tiles of several forms.
  int64_t most_steps() const { return std::max<int64_t>(most_ / kAStep, 2); }

  bool fits_contract(const Op& op) const {
    const int64_t steps = summed_by(op.operands[0], ContractDims::parse(op.attributes.text("dims")));
    if (steps <= most_steps() || steps > most_) return steps <= most_steps();
    return try_out(op, {{{const_cast<Op*>(&op), 0}, 1}}, target_).iterations <= target_.max_iterations;
  }

  static int64_t summed_by(Value lhs, const ContractDims& dims) {
    int64_t product = 1;
    for (size_t i = 0; i < dims.lhs.size(); ++i) {
      if (dims.is_summed(dims.lhs[i])) product *= lhs.shape()[i];
    }
    return product;
  }

  Value contract(const Op& op, Value lhs, Value rhs, ContractDims dims) {
    const int64_t steps = summed_by(lhs, dims);
    if (steps <= most_steps()) {
      graph::Attributes attributes = op.attributes;
      attributes.set("dims", dims.text());
      return b_.emit(OpCode::contract, {lhs, rhs}, attributes).result();
    }
    const char letter = *std::ranges::find_if(dims.lhs, [&](char c) { return dims.is_summed(c); });
    const size_t left = dims.lhs.find(letter), right = dims.rhs.find(letter);
    const int64_t extent = lhs.shape()[left], others = steps / extent;
    if (others > most_steps() / 2) {
      dims.result.insert(0, 1, letter);
      return reduce(OpCode::reduce_sum, contract(op, lhs, rhs, dims), {0});
    }
    const Cut cut(extent, most_steps() / others);
    if (cut.rest > 0) {
      const auto over = [&](int64_t begin, int64_t end) {
        const Value some = part_of(b_, lhs, left, begin, end);
        return contract(op, some, part_of(b_, rhs, right, begin, end), dims);
      };
      const Value parts = over(0, extent - cut.rest);
      return b_.add(parts, over(extent - cut.rest, extent));
    }
    const std::string letters = dims.lhs + dims.rhs;
    char part = 'a';
    while (letters.find(part) != std::string::npos) ++part;
    dims.lhs.insert(left, 1, part);
    dims.rhs.insert(right, 1, part);
    dims.result.insert(0, 1, part);
    lhs = split_axis(b_, lhs, left, cut.parts);
    rhs = split_axis(b_, rhs, right, cut.parts);
    return reduce(OpCode::reduce_sum, contract(op, lhs, rhs, dims), {0});
  }

  Value scatter_add(const Op& op) {
    const auto axis = static_cast<size_t>(op.attributes.integer("axis"));
    const int64_t positions = op.operands[1].type().elements();
    Shape flat = op.operands[0].shape();
    flat[axis] = positions;
    const Value indices = b_.reshape(op.operands[1], {positions}), updates = b_.reshape(op.operands[2], flat);
    Value sum = op.operands[0];
    const int64_t run = ceil_div(positions, ceil_div(positions, most_));
    for (int64_t begin = 0; begin < positions; begin += run) {
      const int64_t end = std::min(begin + run, positions);
      sum = b_.emit(OpCode::scatter_add,
                    {sum, part_of(b_, indices, 0, begin, end), part_of(b_, updates, axis, begin, end)},
                    op.attributes)
                .result();
    }
    return sum;
  }

  bool fits_cumsum(int64_t length) const { return iterations_in_blocks(length) <= most_; }

  Value cumsum(Value x, int64_t axis, bool reverse) {
    const auto at = static_cast<size_t>(axis);
    const int64_t length = x.shape()[at];
    if (fits_cumsum(length)) return b_.cumsum(x, axis, reverse);
    const auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(length)));
    const int64_t block = std::clamp<int64_t>(root, 2, most_), blocks = ceil_div(length, block);
    std::vector<int64_t> none(x.shape().size(), 0), behind = none;
    behind[at] = blocks * block - length;
    const Value sums = b_.cumsum(split_axis(b_, b_.pad(x, none, behind), at, blocks), axis + 1, reverse);
    // What each block's last element has is what those behind it begin with.
    Shape by_block = x.shape();
    by_block[at] = blocks;
    const int64_t last = reverse ? 0 : block - 1;
    const Value wholes = b_.reshape(part_of(b_, sums, at + 1, last, last + 1), by_block);
    const Value so_far = cumsum(wholes, axis, reverse);
    std::vector<int64_t> low = none, high = none;
    (reverse ? high : low)[at] = 1;
    const Value shifted = b_.pad(so_far, low, high);
    const Value starts = part_of(b_, shifted, at, reverse ? 1 : 0, reverse ? blocks + 1 : blocks);
    std::vector<int64_t> dims;
    for (int64_t i = 0; i <= x.rank(); ++i) {
      if (i != axis + 1) dims.push_back(i);
    }
    Shape whole = x.shape();
    whole[at] = blocks * block;
    const Value all = b_.add(sums, b_.broadcast(starts, sums.shape(), dims));
    return part_of(b_, b_.reshape(all, whole), at, 0, length);
  }

  bool fits_top_k(int64_t length, int64_t k) const { return (k + 1) * (length + 2) + 1 <= most_; }

  std::pair<Value, Value> top_k(Value x, int64_t k) {
    const int64_t length = x.shape().back();
    if (fits_top_k(length, k)) return b_.top_k(x, k);
    const int64_t most = (most_ - 1) / (k + 1) - 2;
    return most >= 2 * k ? top_k_of_blocks(x, k, most) : top_k_by_rank(x, k);
  }

  // Of equals the first comes first in each block, and so among what the blocks have.
  std::pair<Value, Value> top_k_of_blocks(Value x, int64_t k, int64_t most) {
    const int64_t length = x.shape().back(), rows = x.type().elements() / length;
    const auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(length) * static_cast<double>(k)));
    const int64_t block = std::clamp<int64_t>(root, 2 * k, most), blocks = ceil_div(length, block);
    const double least = graph::is_floating(x.dtype()) ? -INFINITY
                         : x.dtype() == DType::i64     ? -0x1p63
                                                       : -0x1p31;
    const Value padded =
        b_.pad(b_.reshape(x, {rows, length}), {0, 0}, {0, blocks * block - length}, {}, least);
    const auto [values, places] = b_.top_k(b_.reshape(padded, {rows, blocks, block}), k);
    const Value first = scaled(b_.iota({DType::i32, places.shape()}, 1), block);
    const auto [best, chosen] = top_k(b_.reshape(values, {rows, blocks * k}), k);
    const Value positions = taken(b_.reshape(b_.add(first, places), {rows, blocks * k}), chosen);
    return {b_.reshape(best, row_of(x, k)), b_.reshape(positions, row_of(x, k))};
  }

  // How many elements come before each one is its rank.
  std::pair<Value, Value> top_k_by_rank(Value x, int64_t k) {
    const int64_t length = x.shape().back(), rows = x.type().elements() / length;
    const Value flat = b_.reshape(x, {rows, length});
    const Shape pairs = {rows, length, length};
    const Value mine = b_.broadcast(flat, pairs, {0, 1}), other = b_.broadcast(flat, pairs, {0, 2});
    const Value here = b_.iota({DType::i32, pairs}, 1), there = b_.iota({DType::i32, pairs}, 2);
    Value is_greater = b_.greater(other, mine), is_same = b_.equal(other, mine);
    if (graph::is_floating(x.dtype())) {
      const Value is_nan = b_.not_equal(mine, mine), other_is = b_.not_equal(other, other);
      is_greater = b_.logical_or(is_greater, b_.logical_and(other_is, b_.logical_not(is_nan)));
      is_same = b_.logical_or(is_same, b_.logical_and(other_is, is_nan));
    }
    const Value is_before = b_.logical_or(is_greater, b_.logical_and(is_same, b_.less(there, here)));
    const Value rank = reduce(OpCode::reduce_sum, b_.cast(is_before, DType::i32), {2});
    const Shape places = {rows, k, length};
    const Value rank_there = b_.broadcast(rank, places, {0, 2});
    const Value is_here = b_.equal(rank_there, b_.iota({DType::i32, places}, 1));
    const Value place = b_.iota({DType::i32, places}, 2);
    const Value positions =
        reduce(OpCode::reduce_sum, b_.select(is_here, place, b_.constant_like(0, place)), {2});
    return {b_.reshape(taken(flat, positions), row_of(x, k)), b_.reshape(positions, row_of(x, k))};
  }

  static Shape row_of(Value x, int64_t extent) {
    Shape shape = x.shape();
    shape.back() = extent;
    return shape;
  }

  Value scaled(Value x, int64_t factor) {
    return b_.mul(x, b_.constant_like(static_cast<double>(factor), x));
  }

  // Of each row the elements at the places that `places` has for it.
  Value taken(Value x, Value places) {
    const Value row = scaled(b_.iota({DType::i32, places.shape()}, 0), x.shape()[1]);
    const Value flat = b_.reshape(x, {x.type().elements()});
    return b_.gather(flat, b_.add(row, places), 0);
  }

  Builder& b_;
  const loop::Target& target_;
  int64_t most_;
};

}  // namespace

void shorten_loops(graph::Module& module, graph::Function& function, const loop::Target& target) {
  if (!target.has_iteration_limit()) return;
  Replacements replacements;
  rewrite_ops(function, replacements, [&](Op& op) -> std::optional<std::vector<Value>> {
    Builder b(module, function);
    b.set_location(op.location);
    return Shortener(b, target).shortened(op);
  });
}

}  // namespace sinter::passes
