#include "ir/graph/builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/error.h"

namespace sinter::graph {
namespace {

// The integer nearest to a number, of two the even one; 0 for NaN.
int64_t nearest(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1p63) return std::numeric_limits<int64_t>::max();
  return value <= -0x1p63 ? std::numeric_limits<int64_t>::min() : std::llrint(value);
}

int64_t normalized(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> normalized(std::vector<int64_t> axes, int64_t rank) {
  for (int64_t& axis : axes) axis = normalized(axis, rank);
  std::sort(axes.begin(), axes.end());
  return axes;
}

}  // namespace

std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& extent = result[offset + i];
    if (extent == 1) extent = shorter[i];
    if (shorter[i] != 1 && shorter[i] != extent) return std::nullopt;
  }
  return result;
}

void Builder::fail(OpCode code, const std::string& message) const {
  throw GraphError(fmt::format("{}: {}{}", graph::name(code), message, at(location_)));
}

Op& Builder::emit(OpCode code, std::vector<Value> operands, Attributes attributes) {
  auto op = std::make_unique<Op>();
  try {
    op->results = infer_types(*module_, code, operands, attributes);
  } catch (const GraphError& error) {
    const std::string where = at(location_);
    if (where.empty()) throw;
    throw GraphError(error.what() + where);
  }
  op->code = code;
  op->operands = std::move(operands);
  op->attributes = std::move(attributes);
  op->location = location_;
  return function_->append(std::move(op));
}

Value Builder::elementwise(OpCode code, std::vector<Value> operands) {
  if (operands.size() == 2 && operands[0].shape() != operands[1].shape()) {
    const auto shape = broadcast_shapes(operands[0].shape(), operands[1].shape());
    if (!shape) {
      fail(code, fmt::format("shapes do not broadcast: lhs {}, rhs {}", to_string(operands[0].type()),
                             to_string(operands[1].type())));
    }
    for (Value& operand : operands) operand = broadcast_to(operand, *shape);
  }
  return emit(code, std::move(operands)).result();
}

Value Builder::select(Value condition, Value if_true, Value if_false) {
  auto shape = broadcast_shapes(if_true.shape(), if_false.shape());
  if (shape) shape = broadcast_shapes(*shape, condition.shape());
  if (!shape) {
    fail(OpCode::select,
         fmt::format("shapes do not broadcast: condition {}, values {} and {}", to_string(condition.type()),
                     to_string(if_true.type()), to_string(if_false.type())));
  }
  return emit(OpCode::select, {broadcast_to(condition, *shape), broadcast_to(if_true, *shape),
                               broadcast_to(if_false, *shape)})
      .result();
}

Value Builder::cast(Value x, DType to) {
  return x.dtype() == to ? x : emit(OpCode::cast, {x}, {{"dtype", to}}).result();
}

Value Builder::stop_gradient(Value x) {
  return emit(OpCode::stop_gradient, {x}).result();
}

Value Builder::parameter(std::string name, TensorType type) {
  auto op = std::make_unique<Op>();
  op->code = OpCode::parameter;
  op->results = {std::move(type)};
  op->attributes.set("name", std::move(name));
  op->location = location_;
  return function_->append(std::move(op)).result();
}

Value Builder::constant(double value, DType type, Shape shape) {
  if (!is_floating(type)) {
    return constant_int(type == DType::boolean ? value != 0 : nearest(value), type, std::move(shape));
  }
  return emit(OpCode::constant, {}, {{"dtype", type}, {"shape", std::move(shape)}, {"value", value}})
      .result();
}

Value Builder::constant_int(int64_t value, DType type, Shape shape) {
  return emit(OpCode::constant, {}, {{"dtype", type}, {"shape", std::move(shape)}, {"value", value}})
      .result();
}

Value Builder::table(std::vector<double> values, TensorType type) {
  if (!is_floating(type.dtype)) {
    std::vector<int64_t> integers;
    for (double value : values) integers.push_back(nearest(value));
    return table_int(std::move(integers), std::move(type));
  }
  return emit(OpCode::constant, {},
              {{"dtype", type.dtype}, {"shape", std::move(type.shape)}, {"values", std::move(values)}})
      .result();
}

Value Builder::table_int(std::vector<int64_t> values, TensorType type) {
  return emit(OpCode::constant, {},
              {{"dtype", type.dtype}, {"shape", std::move(type.shape)}, {"values", std::move(values)}})
      .result();
}

Value Builder::iota(TensorType type, int64_t axis) {
  const int64_t rank = type.rank();
  return emit(OpCode::iota, {},
              {{"dtype", type.dtype}, {"shape", std::move(type.shape)}, {"axis", normalized(axis, rank)}})
      .result();
}

Value Builder::random_bits(Shape shape, int64_t key, Value salt) {
  return emit(OpCode::random_bits, salt ? std::vector{salt} : std::vector<Value>{},
              {{"key", key}, {"shape", std::move(shape)}})
      .result();
}

Value Builder::random_uniform(TensorType type, int64_t key, Value salt) {
  return emit(OpCode::random_uniform, salt ? std::vector{salt} : std::vector<Value>{},
              {{"key", key}, {"dtype", type.dtype}, {"shape", std::move(type.shape)}})
      .result();
}

Value Builder::random_normal(TensorType type, int64_t key, Value salt) {
  return emit(OpCode::random_normal, salt ? std::vector{salt} : std::vector<Value>{},
              {{"key", key}, {"dtype", type.dtype}, {"shape", std::move(type.shape)}})
      .result();
}

namespace {

Value reduced(Builder& b, OpCode code, Value x, std::vector<int64_t> axes, bool keep) {
  axes = normalized(std::move(axes), x.rank());
  const Value result = b.emit(code, {x}, {{"axes", axes}}).result();
  return keep ? b.expand_dims(result, axes) : result;
}

}  // namespace

Value Builder::reduce_sum(Value x, std::vector<int64_t> axes, bool keep) {
  return reduced(*this, OpCode::reduce_sum, x, std::move(axes), keep);
}
Value Builder::reduce_max(Value x, std::vector<int64_t> axes, bool keep) {
  return reduced(*this, OpCode::reduce_max, x, std::move(axes), keep);
}
Value Builder::reduce_min(Value x, std::vector<int64_t> axes, bool keep) {
  return reduced(*this, OpCode::reduce_min, x, std::move(axes), keep);
}
Value Builder::argmax(Value x, std::vector<int64_t> axes, bool keep) {
  return reduced(*this, OpCode::argmax, x, std::move(axes), keep);
}

Value Builder::contract(Value lhs, Value rhs, std::string_view dims) {
  return emit(OpCode::contract, {lhs, rhs}, {{"dims", std::string(dims)}}).result();
}

Value Builder::matmul(Value lhs, Value rhs) {
  const auto explain = [&](std::string_view what) {
    throw GraphError(fmt::format("matmul: {}: lhs {}, rhs {}{}", what, to_string(lhs.type()),
                                 to_string(rhs.type()), at(location_)));
  };
  if (lhs.rank() == 0 || rhs.rank() == 0) explain("takes operands with axes");
  if (lhs.dtype() != rhs.dtype()) explain("element types differ");
  const bool row = lhs.rank() == 1, column = rhs.rank() == 1;
  const int64_t inner_lhs = lhs.shape().back();
  const int64_t inner_rhs = rhs.shape()[static_cast<size_t>(column ? 0 : rhs.rank() - 2)];
  if (inner_lhs != inner_rhs) {
    throw GraphError(fmt::format("matmul: inner dimensions differ: lhs {} has {}, rhs {} has {}{}",
                                 to_string(lhs.type()), inner_lhs, to_string(rhs.type()), inner_rhs,
                                 at(location_)));
  }
  const auto leading = [](Value v) {
    return Shape(v.shape().begin(), v.shape().end() - std::min<int64_t>(2, v.rank()));
  };
  const Shape lhs_batch = leading(lhs), rhs_batch = leading(rhs);
  const auto batch = broadcast_shapes(lhs_batch, rhs_batch);
  if (!batch) explain("leading axes do not broadcast");
  // A batch axis that only one side has (or the other has with extent 1) becomes a free axis of that side.
  const auto operand = [&](Value v, const Shape& own, const Shape& other, std::string matrix) {
    std::string letters;
    Shape squeezed;
    const size_t offset = batch->size() - own.size();
    for (size_t i = 0; i < own.size(); ++i) {
      const bool in_other = i + offset >= batch->size() - other.size();
      const bool dropped = own[i] == 1 && in_other;
      if (dropped) continue;
      letters += static_cast<char>('A' + i + offset);
      squeezed.push_back(own[i]);
    }
    squeezed.insert(squeezed.end(), v.shape().begin() + static_cast<int64_t>(own.size()), v.shape().end());
    return std::pair(reshape(v, squeezed), letters + matrix);
  };
  const auto [a, a_dims] = operand(lhs, lhs_batch, rhs_batch, row ? "k" : "mk");
  const auto [b, b_dims] = operand(rhs, rhs_batch, lhs_batch, column ? "k" : "kn");
  std::string result;
  Shape shape = *batch;
  for (size_t i = 0; i < batch->size(); ++i) {
    const char letter = static_cast<char>('A' + i);
    if ((a_dims + b_dims).find(letter) != std::string::npos) result += letter;
  }
  if (!row) {
    result += 'm';
    shape.push_back(lhs.shape()[static_cast<size_t>(lhs.rank() - 2)]);
  }
  if (!column) {
    result += 'n';
    shape.push_back(rhs.shape().back());
  }
  return reshape(contract(a, b, a_dims + "," + b_dims + "->" + result), shape);
}

Value Builder::reshape(Value x, Shape shape) {
  const auto unknown = std::find(shape.begin(), shape.end(), -1);
  if (unknown != shape.end()) {
    *unknown = 1;
    const int64_t known = element_count(shape);
    if (known == 0 || x.type().elements() % known != 0) {
      *unknown = -1;
      fail(OpCode::reshape, fmt::format("{} has {} elements, which [{}] does not divide", to_string(x.type()),
                                        x.type().elements(), fmt::join(shape, ",")));
    }
    *unknown = x.type().elements() / known;
  }
  return shape == x.shape() ? x : emit(OpCode::reshape, {x}, {{"shape", std::move(shape)}}).result();
}

Value Builder::transpose(Value x, std::vector<int64_t> permutation) {
  for (int64_t& axis : permutation) axis = normalized(axis, x.rank());
  if (static_cast<int64_t>(permutation.size()) == x.rank() &&
      std::is_sorted(permutation.begin(), permutation.end()) &&
      std::adjacent_find(permutation.begin(), permutation.end()) == permutation.end() &&
      (permutation.empty() || (permutation.front() == 0 && permutation.back() == x.rank() - 1))) {
    return x;
  }
  return emit(OpCode::transpose, {x}, {{"permutation", std::move(permutation)}}).result();
}

Value Builder::swap_axes(Value x, int64_t a, int64_t b) {
  std::vector<int64_t> permutation(x.shape().size());
  std::iota(permutation.begin(), permutation.end(), 0);
  a = normalized(a, x.rank());
  b = normalized(b, x.rank());
  if (a < 0 || b < 0 || a >= x.rank() || b >= x.rank()) {
    fail(OpCode::transpose, fmt::format("axes {} and {} of {}", a, b, to_string(x.type())));
  }
  std::swap(permutation[static_cast<size_t>(a)], permutation[static_cast<size_t>(b)]);
  return transpose(x, std::move(permutation));
}

Value Builder::broadcast(Value x, Shape shape, std::vector<int64_t> dims) {
  return emit(OpCode::broadcast, {x}, {{"shape", std::move(shape)}, {"dims", std::move(dims)}}).result();
}

Value Builder::broadcast_to(Value x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (x.rank() > static_cast<int64_t>(shape.size())) {
    fail(OpCode::broadcast,
         fmt::format("{} does not broadcast to [{}]", to_string(x.type()), fmt::join(shape, ",")));
  }
  std::vector<int64_t> dims(x.shape().size());
  std::iota(dims.begin(), dims.end(), static_cast<int64_t>(shape.size()) - x.rank());
  return broadcast(x, shape, std::move(dims));
}

Value Builder::expand_dims(Value x, std::vector<int64_t> axes) {
  Shape shape = x.shape();
  const int64_t rank = x.rank() + static_cast<int64_t>(axes.size());
  axes = normalized(std::move(axes), rank);
  for (int64_t axis : axes) {
    if (axis < 0 || axis > static_cast<int64_t>(shape.size())) {
      fail(OpCode::reshape, fmt::format("no new axis {} in {}", axis, to_string(x.type())));
    }
    shape.insert(shape.begin() + axis, 1);
  }
  return reshape(x, std::move(shape));
}

Value Builder::slice(Value x, std::vector<int64_t> start, std::vector<int64_t> limit,
                     std::vector<int64_t> stride) {
  if (stride.empty()) stride.assign(start.size(), 1);
  return emit(OpCode::slice, {x},
              {{"start", std::move(start)}, {"limit", std::move(limit)}, {"stride", std::move(stride)}})
      .result();
}

Value Builder::slice_axis(Value x, int64_t axis, int64_t start, int64_t limit, int64_t stride) {
  axis = normalized(axis, x.rank());
  if (axis < 0 || axis >= x.rank())
    fail(OpCode::slice, fmt::format("axis {} of {}", axis, to_string(x.type())));
  std::vector<int64_t> starts(x.shape().size(), 0), limits = x.shape(), strides(x.shape().size(), 1);
  starts[static_cast<size_t>(axis)] = start;
  limits[static_cast<size_t>(axis)] = limit;
  strides[static_cast<size_t>(axis)] = stride;
  return slice(x, std::move(starts), std::move(limits), std::move(strides));
}

Value Builder::pad(Value x, std::vector<int64_t> low, std::vector<int64_t> high,
                   std::vector<int64_t> interior, Attribute value) {
  if (interior.empty()) interior.assign(low.size(), 0);
  return emit(OpCode::pad, {x},
              {{"low", std::move(low)},
               {"high", std::move(high)},
               {"interior", std::move(interior)},
               {"value", std::move(value)}})
      .result();
}

Value Builder::concat(std::vector<Value> parts, int64_t axis) {
  if (!parts.empty()) axis = normalized(axis, parts[0].rank());
  return emit(OpCode::concat, std::move(parts), {{"axis", axis}}).result();
}

Value Builder::reverse(Value x, std::vector<int64_t> axes) {
  return emit(OpCode::reverse, {x}, {{"axes", normalized(std::move(axes), x.rank())}}).result();
}

Value Builder::window(Value x, int64_t axis, int64_t size, int64_t stride, int64_t dilation) {
  return emit(OpCode::window, {x},
              {{"axis", normalized(axis, x.rank())},
               {"size", size},
               {"stride", stride},
               {"dilation", dilation}})
      .result();
}

Value Builder::fold(Value x, int64_t axis, int64_t extent, int64_t stride, int64_t dilation) {
  return emit(OpCode::fold, {x},
              {{"axis", normalized(axis, x.rank() - 1)},
               {"extent", extent},
               {"stride", stride},
               {"dilation", dilation}})
      .result();
}

Value Builder::gather(Value x, Value indices, int64_t axis) {
  return emit(OpCode::gather, {x, indices}, {{"axis", normalized(axis, x.rank())}}).result();
}

Value Builder::scatter_add(Value base, Value indices, Value updates, int64_t axis) {
  return emit(OpCode::scatter_add, {base, indices, updates}, {{"axis", normalized(axis, base.rank())}})
      .result();
}

Value Builder::dynamic_slice(Value x, std::vector<Value> starts, Shape sizes) {
  starts.insert(starts.begin(), x);
  return emit(OpCode::dynamic_slice, std::move(starts), {{"sizes", std::move(sizes)}}).result();
}

Value Builder::dynamic_update(Value x, Value update, std::vector<Value> starts) {
  starts.insert(starts.begin(), {x, update});
  return emit(OpCode::dynamic_update, std::move(starts)).result();
}

std::pair<Value, Value> Builder::top_k(Value x, int64_t k) {
  Op& op = emit(OpCode::top_k, {x}, {{"k", k}});
  return {op.result(0), op.result(1)};
}

std::pair<Value, Value> Builder::sort(Value x, bool descending) {
  Attributes attributes;
  if (descending) attributes.set("descending", true);
  Op& op = emit(OpCode::sort, {x}, std::move(attributes));
  return {op.result(0), op.result(1)};
}

Value Builder::cumsum(Value x, int64_t axis, bool reverse) {
  return emit(OpCode::cumsum, {x}, {{"axis", normalized(axis, x.rank())}, {"reverse", reverse}}).result();
}

Value Builder::check_index(Value x, int64_t bound, std::optional<int64_t> ignore) {
  Attributes attributes{{"bound", bound}};
  if (ignore) attributes.set("ignore", *ignore);
  return emit(OpCode::check_index, {x}, std::move(attributes)).result();
}

Value Builder::check_finite(Value x, std::string what) {
  return emit(OpCode::check_finite, {x}, {{"what", std::move(what)}}).result();
}

Value Builder::read(std::string_view state) {
  return emit(OpCode::read, {}, {{"state", std::string(state)}}).result();
}

void Builder::write(std::string_view state, Value value) {
  emit(OpCode::write, {value}, {{"state", std::string(state)}});
}

namespace {

std::vector<Value> results_of(Op& op) {
  std::vector<Value> results;
  for (size_t i = 0; i < op.results.size(); ++i) results.push_back(op.result(static_cast<int>(i)));
  return results;
}

}  // namespace

std::vector<Value> Builder::call(const Function& callee, std::vector<Value> operands, Attributes attributes) {
  attributes.set("function", callee.name());
  return results_of(emit(OpCode::call, std::move(operands), std::move(attributes)));
}

std::vector<Value> Builder::scan(const Function& body, std::vector<Value> operands, int64_t carries,
                                 int64_t constants, int64_t length, bool reverse) {
  return results_of(emit(OpCode::scan, std::move(operands),
                         {{"function", body.name()},
                          {"carries", carries},
                          {"constants", constants},
                          {"length", length},
                          {"reverse", reverse}}));
}

std::vector<Value> Builder::grad(Value loss, std::vector<Value> wrt) {
  wrt.insert(wrt.begin(), loss);
  return results_of(emit(OpCode::grad, std::move(wrt)));
}

std::vector<Value> Builder::barrier(std::vector<Value> values) {
  return results_of(emit(OpCode::barrier, std::move(values)));
}

std::vector<Value> Builder::meet(OpCode code, std::vector<Value> values, Attributes attributes,
                                 const Meeting& meeting) {
  attributes.set("rank", meeting.rank);
  attributes.set("ranks", meeting.ranks);
  if (meeting.after) {
    attributes.set("after", true);
    values.push_back(meeting.after);
  }
  return results_of(emit(code, std::move(values), std::move(attributes)));
}

std::vector<Value> Builder::all_reduce(std::vector<Value> values, std::string fold, int64_t leaves,
                                       const Meeting& meeting) {
  return meet(OpCode::all_reduce, std::move(values), {{"fold", std::move(fold)}, {"leaves", leaves}},
              meeting);
}

std::vector<Value> Builder::reduce_scatter(std::vector<Value> values, std::string fold, int64_t leaves,
                                           std::vector<int64_t> owners, const Meeting& meeting) {
  return meet(OpCode::reduce_scatter, std::move(values),
              {{"fold", std::move(fold)}, {"leaves", leaves}, {"owners", std::move(owners)}}, meeting);
}

std::vector<Value> Builder::all_gather(std::vector<Value> values, std::vector<int64_t> owners,
                                       const Meeting& meeting) {
  return meet(OpCode::all_gather, std::move(values), {{"owners", std::move(owners)}}, meeting);
}

}  // namespace sinter::graph
