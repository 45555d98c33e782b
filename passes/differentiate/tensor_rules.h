#pragma once

#include <algorithm>
#include <limits>

#include "passes/differentiate/attention.h"
#include "passes/differentiate/vjp.h"

// The rules of sources, reductions, contractions, views and movement.
namespace sinter::passes {

// Lays what a reduction made out over the axes it dropped.
inline graph::Value spread(const Vjp& v, graph::Value reduced) {
  const auto& axes = v.op.attributes.integers("axes");
  std::vector<int64_t> kept;
  for (int64_t axis = 0; axis < v.x().rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) kept.push_back(axis);
  }
  return v.b.broadcast(reduced, v.x().shape(), kept);
}

// Split evenly among the elements that equal the extremum; NaN for all of a row that has one.
inline graph::Value reduce_extremum_vjp(const Vjp& v, size_t) {
  const bool largest = v.op.code == graph::OpCode::reduce_max;
  const graph::Value y = spread(v, v.y());
  const graph::Value winners = v.b.cast(v.b.equal(v.x(), y), v.g.dtype());
  const graph::Value count = v.b.reduce_sum(winners, v.op.attributes.integers("axes"));
  const graph::Value zero = v.number(0), any = v.b.greater(count, zero);
  const graph::Value share = v.b.select(any, v.b.div(v.g, count), v.y());
  const graph::Value loses = largest ? v.b.less(v.x(), y) : v.b.greater(v.x(), y);
  return v.b.select(loses, zero, spread(v, share));
}

// A contraction is its own transpose: the letters of g stand for the result's.
inline graph::Value contract_vjp(const Vjp& v, size_t i) {
  const auto dims = graph::ContractDims::parse(v.op.attributes.text("dims"));
  return i == 0 ? v.b.contract(v.g, v.x(1), dims.result + "," + dims.rhs + "->" + dims.lhs)
                : v.b.contract(v.x(0), v.g, dims.lhs + "," + dims.result + "->" + dims.rhs);
}

inline graph::Value transpose_vjp(const Vjp& v, size_t) {
  const auto& permutation = v.op.attributes.integers("permutation");
  std::vector<int64_t> inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) {
    inverse[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  }
  return v.b.transpose(v.g, inverse);
}

// Sums the axes that were not there and those that were of extent 1.
inline graph::Value broadcast_vjp(const Vjp& v, size_t) {
  const auto& dims = v.op.attributes.integers("dims");
  std::vector<int64_t> summed;
  for (int64_t axis = 0; axis < v.g.rank(); ++axis) {
    const auto place = std::find(dims.begin(), dims.end(), axis);
    const bool stretched =
        place == dims.end() || (v.x().shape()[static_cast<size_t>(place - dims.begin())] == 1 &&
                                v.g.shape()[static_cast<size_t>(axis)] != 1);
    if (stretched) summed.push_back(axis);
  }
  return v.b.reshape(summed.empty() ? v.g : v.b.reduce_sum(v.g, summed), v.x().shape());
}

inline graph::Value slice_vjp(const Vjp& v, size_t) {
  const auto& start = v.op.attributes.integers("start");
  std::vector<int64_t> interior = v.op.attributes.integers("stride"), high;
  for (size_t i = 0; i < start.size(); ++i) {
    const int64_t taken = v.g.shape()[i];
    const int64_t covered = taken == 0 ? 0 : (taken - 1) * interior[i] + 1;
    high.push_back(v.x().shape()[i] - start[i] - covered);
    --interior[i];
  }
  return v.b.pad(v.g, start, high, interior);
}

inline graph::Value pad_vjp(const Vjp& v, size_t) {
  std::vector<int64_t> start = v.op.attributes.integers("low"), stride = v.op.attributes.integers("interior"),
                       limit;
  for (size_t i = 0; i < start.size(); ++i) {
    const int64_t extent = v.x().shape()[i];
    limit.push_back(start[i] + (extent == 0 ? 0 : (extent - 1) * (stride[i] + 1) + 1));
    ++stride[i];
  }
  return v.b.slice(v.g, start, limit, stride);
}

inline graph::Value concat_vjp(const Vjp& v, size_t operand) {
  const int64_t axis = v.op.attributes.integer("axis");
  const auto extent = [&](size_t i) { return v.x(i).shape()[static_cast<size_t>(axis)]; };
  int64_t start = 0;
  for (size_t i = 0; i < operand; ++i) start += extent(i);
  return v.b.slice_axis(v.g, axis, start, start + extent(operand));
}

inline graph::Value window_vjp(const Vjp& v, size_t) {
  const auto& a = v.op.attributes;
  const int64_t axis = a.integer("axis");
  return v.b.fold(v.g, axis, v.x().shape()[static_cast<size_t>(axis)], a.integer("stride"),
                  a.integer("dilation"));
}

inline graph::Value fold_vjp(const Vjp& v, size_t) {
  const auto& a = v.op.attributes;
  return v.b.window(v.g, a.integer("axis"), v.x().shape().back(), a.integer("stride"), a.integer("dilation"));
}

inline graph::Value gather_vjp(const Vjp& v, size_t) {
  return v.b.scatter_add(v.zeros(v.x()), v.x(1), v.g, v.op.attributes.integer("axis"));
}

inline graph::Value scatter_add_vjp(const Vjp& v, size_t i) {
  return i == 0 ? v.g : v.b.gather(v.g, v.x(1), v.op.attributes.integer("axis"));
}

inline std::vector<graph::Value> starts(const Vjp& v, int64_t first) {
  return {v.op.operands.begin() + first, v.op.operands.end()};
}

inline graph::Value dynamic_slice_vjp(const Vjp& v, size_t) {
  return v.b.dynamic_update(v.zeros(v.x()), v.g, starts(v, 1));
}

inline graph::Value dynamic_update_vjp(const Vjp& v, size_t i) {
  return i == 0 ? v.b.dynamic_update(v.g, v.zeros(v.x(1)), starts(v, 2))
                : v.b.dynamic_slice(v.g, starts(v, 2), v.x(1).shape());
}

// Scatters the values' cotangents back, in x laid out flat: row * width + position.
inline graph::Value top_k_vjp(const Vjp& v, size_t) {
  const graph::TensorType type = v.x().type();
  const int64_t width = type.shape.back();
  const int64_t rows = width == 0 ? 0 : type.elements() / width;
  const int64_t k = v.op.attributes.integer("k");
  const graph::DType index =
      type.elements() <= std::numeric_limits<int32_t>::max() ? graph::DType::i32 : graph::DType::i64;
  const graph::Value number = v.b.iota({index, {rows, k}}, 0);
  const graph::Value row = v.b.mul(number, v.b.constant_int(width, index));
  const graph::Value position = v.b.add(row, v.b.cast(v.b.reshape(v.y(1), {rows, k}), index));
  const graph::Value places = v.b.reshape(position, {rows * k}), updates = v.b.reshape(v.g, {rows * k});
  const graph::Value flat = v.b.scatter_add(v.b.constant(0, type.dtype, {type.elements()}), places, updates);
  return v.b.reshape(flat, type.shape);
}

// Where an element went is where its own position stands among the sorted ones: sorted, they tell.
inline graph::Value sort_vjp(const Vjp& v, size_t) {
  const graph::TensorType type = v.x().type();
  const int64_t width = type.shape.back();
  const graph::DType index =
      type.elements() <= std::numeric_limits<int32_t>::max() ? graph::DType::i32 : graph::DType::i64;
  const graph::Shape rows = {width == 0 ? 0 : type.elements() / width, width};
  const graph::Value number = v.b.iota({index, rows}, 0);
  const graph::Value row = v.b.mul(number, v.b.constant_int(width, index));
  const auto of_row = [&](graph::Value x, graph::Value places) {
    const graph::Value place = v.b.add(row, v.b.cast(v.b.reshape(places, rows), index));
    return v.b.gather(v.b.reshape(x, {type.elements()}), place, 0);
  };
  graph::Value went = v.b.sort(v.y(1)).second;
  if (v.op.operands.size() > 1) went = of_row(went, v.x(1));
  return v.b.reshape(of_row(v.g, went), type.shape);
}

inline graph::Value cumsum_vjp(const Vjp& v, size_t) {
  return v.b.cumsum(v.g, v.op.attributes.integer("axis"), !v.op.attributes.flag("reverse"));
}

// The cotangents pass under a barrier too, so that gradients of what was recomputed are not merged either.
inline std::vector<graph::Value> barrier_vjp(const Vjp& v) {
  std::vector<graph::Value> present;
  for (graph::Value cotangent : v.cotangents) {
    if (cotangent) present.push_back(cotangent);
  }
  const std::vector<graph::Value> passed = v.b.barrier(present);
  std::vector<graph::Value> result = v.cotangents;
  auto next = passed.begin();
  for (graph::Value& cotangent : result) {
    if (cotangent) cotangent = *next++;
  }
  return result;
}

inline constexpr VjpRule kTensorRules[] = {
    zero(graph::OpCode::parameter),
    zero(graph::OpCode::constant),
    zero(graph::OpCode::iota),
    zero(graph::OpCode::random_bits),
    zero(graph::OpCode::random_uniform),
    zero(graph::OpCode::random_normal),
    per_operand(graph::OpCode::reduce_sum, [](const Vjp& v, size_t) { return spread(v, v.g); }),
    per_operand(graph::OpCode::reduce_max, reduce_extremum_vjp),
    per_operand(graph::OpCode::reduce_min, reduce_extremum_vjp),
    zero(graph::OpCode::argmax),
    per_operand(graph::OpCode::contract, contract_vjp),
    per_operand(graph::OpCode::reshape, [](const Vjp& v, size_t) { return v.b.reshape(v.g, v.x().shape()); }),
    per_operand(graph::OpCode::transpose, transpose_vjp),
    per_operand(graph::OpCode::broadcast, broadcast_vjp),
    per_operand(graph::OpCode::slice, slice_vjp),
    per_operand(graph::OpCode::pad, pad_vjp),
    per_operand(graph::OpCode::concat, concat_vjp),
    per_operand(graph::OpCode::reverse,
                [](const Vjp& v, size_t) { return v.b.reverse(v.g, v.op.attributes.integers("axes")); }),
    per_operand(graph::OpCode::window, window_vjp),
    per_operand(graph::OpCode::fold, fold_vjp),
    per_operand(graph::OpCode::gather, gather_vjp),
    per_operand(graph::OpCode::scatter_add, scatter_add_vjp),
    per_operand(graph::OpCode::dynamic_slice, dynamic_slice_vjp),
    per_operand(graph::OpCode::dynamic_update, dynamic_update_vjp),
    per_operand(graph::OpCode::top_k, top_k_vjp),
    per_operand(graph::OpCode::sort, sort_vjp),
    per_operand(graph::OpCode::cumsum, cumsum_vjp),
    zero(graph::OpCode::check_index),
    per_operand(graph::OpCode::check_finite, [](const Vjp& v, size_t) { return v.g; }),
    zero(graph::OpCode::read),
    zero(graph::OpCode::write),
    whole(graph::OpCode::call, call_vjp),
    whole(graph::OpCode::scan, scan_vjp),
    missing(graph::OpCode::grad),
    whole(graph::OpCode::barrier, barrier_vjp),
    whole(graph::OpCode::kernel, attention_vjp),  // others are replaced by their bodies before

    whole(graph::OpCode::all_reduce, all_reduce_vjp),
    missing(graph::OpCode::reduce_scatter),
    missing(graph::OpCode::all_gather),
};

}  // namespace sinter::passes
