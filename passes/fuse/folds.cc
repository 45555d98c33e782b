#include "passes/fuse/folds.h"

#include <algorithm>

#include "ir/integers.h"

namespace sinter::passes {

using graph::Builder;
using graph::Op;
using graph::Shape;
using graph::Value;

namespace {

// x with zeros before and behind an axis, or between its elements.
Value pad_axis(Builder& b, Value x, size_t axis, int64_t low, int64_t high, int64_t interior = 0) {
  if (low == 0 && high == 0 && interior == 0) return x;
  const size_t rank = x.shape().size();
  std::vector<int64_t> lows(rank, 0), highs(rank, 0), interiors(rank, 0);
  lows[axis] = low;
  highs[axis] = high;
  interiors[axis] = interior;
  return b.pad(x, lows, highs, interiors);
}

// x[axes..., rows, places] to y[axes..., i, p] = x[axes..., i - p' * step, p'], where p' counts places from
// the last one, and rows that x has not are zeros: rows laid out behind one another, read along diagonals.
Value diagonals(Builder& b, Value x, int64_t step) {
  const size_t rows = x.shape().size() - 2;
  const int64_t places = x.shape().back();
  const int64_t margin = (places - 1) * step;
  x = pad_axis(b, x, rows, margin, margin);
  Shape flat = x.shape();
  flat.pop_back();
  flat.back() *= places;
  const auto axis = static_cast<int64_t>(rows);
  x = b.slice_axis(b.reshape(x, flat), axis, places - 1, flat.back());
  return b.window(x, axis, places, places, step * places - 1);
}

}  // namespace

bool windows_are_apart(const Op& fold) {
  return (fold.operands[0].shape().back() - 1) * fold.attributes.integer("dilation") <
         fold.attributes.integer("stride");
}

Value without_fold(Builder& b, const Op& fold) {
  const auto axis = static_cast<size_t>(fold.attributes.integer("axis"));
  const int64_t extent = fold.attributes.integer("extent");
  int64_t stride = fold.attributes.integer("stride"), dilation = fold.attributes.integer("dilation");
  Value x = fold.operands[0];
  const auto last = x.rank() - 1;
  if (x.type().elements() == 0) return b.constant(0, x.dtype(), fold.results[0].shape);

  // Dilated windows that overlap become windows with stride 1, those between them zeros; windows that lie
  // apart get places for what they leave out.
  if (dilation > 1 && !windows_are_apart(fold)) {
    x = pad_axis(b, x, axis, 0, 0, stride - 1);
    stride = 1;
  } else if (dilation > 1) {
    x = pad_axis(b, x, static_cast<size_t>(last), 0, 0, dilation - 1);
    dilation = 1;
  }
  // A place is a step of whole strides and a rest: element (i, rest) of the result is the sum over steps of
  // element (i - step, step, rest).
  int64_t steps = x.shape().back(), rests = 1;
  if (dilation == 1) {
    rests = stride;
    steps = ceil_div(x.shape().back(), stride);
    x = pad_axis(b, x, static_cast<size_t>(last), 0, steps * rests - x.shape().back());
  }
  Shape apart = x.shape();
  apart.back() = steps;
  apart.push_back(rests);
  x = b.reshape(x, apart);
  // ... rests, windows, steps, and back.
  std::vector<int64_t> order;
  for (int64_t i = 0; i < last; ++i) {
    if (i != static_cast<int64_t>(axis)) order.push_back(i);
  }
  order.insert(order.end(), {last + 1, static_cast<int64_t>(axis), last});
  x = b.transpose(x, order);
  x = steps > 1 ? diagonals(b, x, dilation) : x;
  std::vector<int64_t> back(order.size());
  for (size_t i = 0, next = 0; i < order.size(); ++i) {
    const auto moved = static_cast<int64_t>(i);
    if (moved < static_cast<int64_t>(axis)) back[next++] = moved;
    if (moved == static_cast<int64_t>(axis)) {
      back[next++] = last;      // windows
      back[next++] = last - 1;  // rests
    }
    if (moved > static_cast<int64_t>(axis) && moved < last) back[next++] = moved - 1;
  }
  back.back() = last + 1;
  x = b.transpose(x, back);
  x = steps > 1 ? b.reduce_sum(x, {last + 1}) : x;
  Shape whole = fold.results[0].shape;
  whole[axis] = x.shape()[axis] * rests;
  x = b.reshape(x, whole);
  if (whole[axis] < extent) return pad_axis(b, x, axis, 0, extent - whole[axis]);
  return whole[axis] > extent ? b.slice_axis(x, static_cast<int64_t>(axis), 0, extent) : x;
}

}  // namespace sinter::passes
