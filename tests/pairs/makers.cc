#include <numeric>

#include "tests/pairs/scene.h"

namespace sinter::test {
namespace {

using graph::Builder;
using graph::DType;
using graph::OpCode;
using graph::Shape;
using graph::Value;
using Kind = Maker::Kind;
using List = std::vector<int64_t>;

int64_t last(const Shape& shape) {
  return static_cast<int64_t>(shape.size()) - 1;
}
int64_t at(const Shape& shape, int64_t axis) {
  return shape[static_cast<size_t>(axis)];
}
Shape with(Shape shape, int64_t axis, int64_t extent) {
  shape[static_cast<size_t>(axis)] = extent;
  return shape;
}
Shape without(Shape shape, int64_t axis) {
  shape.erase(shape.begin() + axis);
  return shape;
}
Shape inserted(Shape shape, int64_t axis, int64_t extent) {
  shape.insert(shape.begin() + axis, extent);
  return shape;
}
List counted(int64_t count) {
  List list(static_cast<size_t>(count));
  std::iota(list.begin(), list.end(), 0);
  return list;
}
List zeros(const Shape& shape) {
  return List(shape.size(), 0);
}

// A number that every element type has.
Value one(Scene& s, const Shape& shape) {
  return graph::is_floating(s.dtype) ? s.b.constant(1.5, s.dtype, shape)
                                     : s.b.constant_int(std::min<int64_t>(1, s.bound - 1), s.dtype, shape);
}
Value number(Scene& s, int64_t value) {
  return s.b.constant_int(value, DType::i32);
}
Value emit(Scene& s, OpCode code, std::vector<Value> operands, graph::Attributes attributes = {}) {
  return s.b.emit(code, std::move(operands), std::move(attributes)).result();
}
Value concat_at(Scene& s, const Shape& shape, int64_t axis) {
  const int64_t extent = at(shape, axis);
  return s.b.concat({s.tensor(with(shape, axis, 1)), s.tensor(with(shape, axis, extent - 1))}, axis);
}
Value gather_at(Scene& s, const Shape& shape, int64_t axis, DType type = DType::i32) {
  const int64_t rows = at(shape, axis) + 3;
  return s.b.gather(s.tensor(with(shape, axis, rows)), s.integers({at(shape, axis)}, rows, type), axis);
}
Value dynamic_slice_at(Scene& s, const Shape& shape, int64_t axis) {
  std::vector<Value> starts;
  for (int64_t i = 0; i <= last(shape); ++i) starts.push_back(i == axis ? s.integers({}, 4) : number(s, 0));
  return s.b.dynamic_slice(s.tensor(with(shape, axis, at(shape, axis) + 3)), starts, shape);
}
Value dynamic_update_at(Scene& s, const Shape& shape, int64_t axis) {
  std::vector<Value> starts;
  for (int64_t i = 0; i <= last(shape); ++i)
    starts.push_back(i == axis ? s.integers({}, at(shape, axis)) : number(s, 0));
  return s.b.dynamic_update(s.tensor(shape), s.tensor(with(shape, axis, 1)), starts);
}
Value pad_at(Scene& s, const Shape& shape, int64_t axis, int64_t low, int64_t high) {
  const double value = graph::is_floating(s.dtype) ? 0.5 : 0;
  return s.b.pad(s.tensor(with(shape, axis, at(shape, axis) - low - high)), with(zeros(shape), axis, low),
                 with(zeros(shape), axis, high), {}, value);
}
Value select_at(Scene& s, const Shape& shape, int64_t axis) {
  const Value place = s.b.iota({DType::i32, shape}, axis);
  const Value border = s.b.constant_int(at(shape, axis) / 2, DType::i32, shape);
  return s.b.select(s.b.less(place, border), s.tensor(shape), s.tensor(shape));
}

const std::vector<Maker> kMoves = {
    {"parameter", Kind::moves, [](Scene& s, const Shape& x) { return s.tensor(x); }},
    {"splat", Kind::moves, [](Scene& s, const Shape& x) { return one(s, x); }},
    {"table", Kind::moves,
     [](Scene& s, const Shape& x) {
       std::vector<double> values(static_cast<size_t>(graph::element_count(x)));
       const bool is_floating = graph::is_floating(s.dtype);
       for (size_t i = 0; i < values.size(); ++i) {
         const auto place = static_cast<int64_t>(i * i + 3 * i);
         values[i] = is_floating ? static_cast<double>(place % 17 - 8) / 8
                                 : static_cast<double>(place % std::max<int64_t>(s.bound, 1));
       }
       return s.b.table(values, {s.dtype, x});
     }},
    {"reshape_flat", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.reshape(s.tensor({graph::element_count(x)}), x); }},
    {"reshape_split", Kind::moves,
     [](Scene& s, const Shape& x) {
       Shape joined(x.begin() + 1, x.end());
       if (joined.empty()) joined = {1};
       joined[0] *= x[0];
       return s.b.reshape(s.tensor(joined), x);
     }},
    {"reshape_turned", Kind::moves,  // no axis of the one is one of the other
     [](Scene& s, const Shape& x) { return s.b.reshape(s.tensor(Shape(x.rbegin(), x.rend())), x); }},
    {"transpose_all", Kind::moves,
     [](Scene& s, const Shape& x) {
       const List order = counted(last(x) + 1);
       return s.b.transpose(s.tensor(Shape(x.rbegin(), x.rend())), List(order.rbegin(), order.rend()));
     }},
    {"transpose_last", Kind::moves,
     [](Scene& s, const Shape& x) {
       if (x.size() < 2) return s.tensor(x);
       Shape turned = x;
       std::swap(turned[x.size() - 1], turned[x.size() - 2]);
       return s.b.swap_axes(s.tensor(turned), last(x), last(x) - 1);
     }},
    {"transpose_first", Kind::moves,
     [](Scene& s, const Shape& x) {
       if (x.size() < 2) return s.tensor(x);
       Shape turned = x;
       std::swap(turned[0], turned[1]);
       return s.b.swap_axes(s.tensor(turned), 0, 1);
     }},
    {"broadcast_first", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.broadcast_to(s.tensor(without(x, 0)), x); }},
    {"broadcast_last", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.broadcast_to(s.tensor(with(x, last(x), 1)), x); }},
    {"broadcast_middle", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.broadcast_to(s.tensor(with(x, last(x) / 2, 1)), x); }},
    {"broadcast_scalar", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.broadcast_to(s.tensor({}), x); }},
    {"slice_first", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.slice_axis(s.tensor(with(x, 0, x[0] + 3)), 0, 2, x[0] + 2); }},
    {"slice_last", Kind::moves,
     [](Scene& s, const Shape& x) {
       return s.b.slice_axis(s.tensor(with(x, last(x), x.back() + 3)), last(x), 1, x.back() + 1);
     }},
    {"slice_stride", Kind::moves,
     [](Scene& s, const Shape& x) {
       return s.b.slice_axis(s.tensor(with(x, last(x), 2 * x.back())), last(x), 1, 2 * x.back(), 2);
     }},
    {"pad_first", Kind::moves, [](Scene& s, const Shape& x) { return pad_at(s, x, 0, 1, 0); }},
    {"pad_first_behind", Kind::moves, [](Scene& s, const Shape& x) { return pad_at(s, x, 0, 0, 1); }},
    {"pad_last", Kind::moves, [](Scene& s, const Shape& x) { return pad_at(s, x, last(x), 0, 1); }},
    {"pad_middle", Kind::moves, [](Scene& s, const Shape& x) { return pad_at(s, x, last(x) / 2, 1, 0); }},
    {"pad_interior", Kind::moves,
     [](Scene& s, const Shape& x) {
       const int64_t extent = (x.back() + 1) / 2;
       return s.b.pad(s.tensor(with(x, last(x), extent)), zeros(x),
                      with(zeros(x), last(x), x.back() - 2 * extent + 1), with(zeros(x), last(x), 1), 0);
     }},
    {"concat_first", Kind::moves, [](Scene& s, const Shape& x) { return concat_at(s, x, 0); }},
    {"concat_middle", Kind::moves, [](Scene& s, const Shape& x) { return concat_at(s, x, last(x) / 2); }},
    {"concat_last", Kind::moves, [](Scene& s, const Shape& x) { return concat_at(s, x, last(x)); }},
    {"concat_pieces", Kind::moves,
     [](Scene& s, const Shape& x) {
       std::vector<Value> parts(static_cast<size_t>(x[0]), s.tensor(with(x, 0, 1)));
       parts.front() = s.tensor(with(x, 0, 1));
       return s.b.concat(parts, 0);
     }},
    {"reverse_first", Kind::moves, [](Scene& s, const Shape& x) { return s.b.reverse(s.tensor(x), {0}); }},
    {"reverse_last", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.reverse(s.tensor(x), {last(x)}); }},
    {"window", Kind::moves,
     [](Scene& s, const Shape& x) {
       if (x.size() < 2) return s.tensor(x);
       Shape from = without(x, last(x));
       from.back() += x.back() - 1;
       return s.b.window(s.tensor(from), last(from), x.back());
     }},
    {"window_first", Kind::moves,
     [](Scene& s, const Shape& x) {
       if (x.size() < 2) return s.tensor(x);
       Shape from = without(x, last(x));
       from[0] = 2 * (x[0] - 1) + 3 * (x.back() - 1) + 1;
       return s.b.window(s.tensor(from), 0, x.back(), 2, 3);
     }},
    {"gather_first", Kind::moves, [](Scene& s, const Shape& x) { return gather_at(s, x, 0); }},
    {"gather_middle", Kind::moves, [](Scene& s, const Shape& x) { return gather_at(s, x, last(x) / 2); }},
    {"gather_last", Kind::moves, [](Scene& s, const Shape& x) { return gather_at(s, x, last(x)); }},
    {"gather_i64", Kind::moves, [](Scene& s, const Shape& x) { return gather_at(s, x, 0, DType::i64); }},
    {"gather_by_matrix", Kind::moves,
     [](Scene& s, const Shape& x) {
       if (x.size() < 2) return gather_at(s, x, 0);
       Shape table(x.begin() + 1, x.end());
       table[0] = 7;
       return s.b.gather(s.tensor(table), s.integers({x[0], x[1]}, 7));
     }},
    {"gather_one", Kind::moves,
     [](Scene& s, const Shape& x) { return s.b.gather(s.tensor(inserted(x, 0, 4)), s.integers({}, 4)); }},
    {"gather_of_gather", Kind::moves,
     [](Scene& s, const Shape& x) {
       return s.b.gather(gather_at(s, with(x, 0, x[0] + 2), last(x)), s.integers({x[0]}, x[0] + 2));
     }},
    {"gather_by_gather", Kind::moves,
     [](Scene& s, const Shape& x) {
       const Value places = s.b.gather(s.integers({5}, 6), s.integers({x[0]}, 5));
       return s.b.gather(s.tensor(with(x, 0, 6)), places);
     }},
    {"gather_by_iota", Kind::moves,
     [](Scene& s, const Shape& x) {
       const Value places =
           s.b.sub(s.b.constant_int(x[0], DType::i32, {x[0]}), s.b.iota({DType::i32, {x[0]}}, 0));
       return s.b.gather(s.tensor(with(x, 0, x[0] + 1)), places);
     }},
    {"gather_by_table", Kind::moves,
     [](Scene& s, const Shape& x) {
       std::vector<double> places;
       for (int64_t i = 0; i < x[0]; ++i) places.push_back(static_cast<double>(i * 3 % (x[0] + 1)));
       return s.b.gather(s.tensor(with(x, 0, x[0] + 1)), s.b.table(places, {DType::i32, {x[0]}}));
     }},
    {"gather_transposed", Kind::moves,
     [](Scene& s, const Shape& x) {
       if (x.size() < 2) return gather_at(s, x, 0);
       Shape turned = x;
       std::swap(turned[0], turned.back());
       return s.b.swap_axes(gather_at(s, turned, 0), 0, last(x));
     }},
    {"gather_reshaped", Kind::moves,
     [](Scene& s, const Shape& x) {
       return s.b.reshape(gather_at(s, {x[0], graph::element_count(x) / x[0]}, 0), x);
     }},
    {"gather_of_slice", Kind::moves,
     [](Scene& s, const Shape& x) {
       const Value table = s.b.slice_axis(s.tensor(with(x, 0, x[0] + 4)), 0, 2, x[0] + 4);
       return s.b.gather(table, s.integers({x[0]}, x[0] + 2));
     }},
    {"gather_of_broadcast", Kind::moves,
     [](Scene& s, const Shape& x) {
       const Value table = s.b.broadcast_to(s.tensor(without(x, 0)), with(x, 0, 4));
       return s.b.gather(table, s.integers({x[0]}, 4));
     }},
    {"slice_of_gather", Kind::moves,
     [](Scene& s, const Shape& x) {
       return s.b.slice_axis(gather_at(s, with(x, last(x), x.back() + 2), 0), last(x), 1, x.back() + 1);
     }},
    {"concat_of_gather", Kind::moves,
     [](Scene& s, const Shape& x) {
       return s.b.concat({gather_at(s, with(x, 0, x[0] - 1), last(x)), s.tensor(with(x, 0, 1))}, 0);
     }},
    {"dynamic_slice_first", Kind::moves, [](Scene& s, const Shape& x) { return dynamic_slice_at(s, x, 0); }},
    {"dynamic_slice_middle", Kind::moves,
     [](Scene& s, const Shape& x) { return dynamic_slice_at(s, x, last(x) / 2); }},
    {"dynamic_slice_last", Kind::moves,
     [](Scene& s, const Shape& x) { return dynamic_slice_at(s, x, last(x)); }},
    {"dynamic_slice_reshaped", Kind::moves,
     [](Scene& s, const Shape& x) {
       return s.b.reshape(dynamic_slice_at(s, {x[0], graph::element_count(x) / x[0]}, 0), x);
     }},
    {"dynamic_update_first", Kind::moves,
     [](Scene& s, const Shape& x) { return dynamic_update_at(s, x, 0); }},
    {"dynamic_update_last", Kind::moves,
     [](Scene& s, const Shape& x) { return dynamic_update_at(s, x, last(x)); }},
    {"select_last", Kind::moves, [](Scene& s, const Shape& x) { return select_at(s, x, last(x)); }},
    {"barrier", Kind::moves, [](Scene& s, const Shape& x) { return s.b.barrier({s.tensor(x)})[0]; }},
    {"call", Kind::moves,
     [](Scene& s, const Shape& x) {
       const auto& callee = s.helper({{s.dtype, x}}, [](Builder& b, const std::vector<Value>& p) {
         return std::vector<Value>{b.reverse(p[0], {0})};
       });
       return s.b.call(callee, {s.tensor(x)})[0];
     }},
    {"scan_steps", Kind::moves,  // what the step before was given
     [](Scene& s, const Shape& x) {
       const graph::TensorType each{s.dtype, without(x, 0)};
       const auto& body = s.helper({each, each}, [](Builder&, const std::vector<Value>& p) {
         return std::vector<Value>{p[1], p[0]};
       });
       return s.b.scan(body, {s.tensor(each.shape), s.tensor(x)}, 1, 0, x[0])[1];
     }},
};

const std::vector<Maker> kComputes = {
    {"select_flags", Kind::computes,
     [](Scene& s, const Shape& x) { return s.b.select(s.flags(x), s.tensor(x), s.tensor(x)); }},
    {"select_first", Kind::computes, [](Scene& s, const Shape& x) { return select_at(s, x, 0); }},
    {"select_middle", Kind::computes, [](Scene& s, const Shape& x) { return select_at(s, x, last(x) / 2); }},
    {"max", Kind::computes, [](Scene& s, const Shape& x) { return s.b.max(s.tensor(x), s.tensor(x)); }},
    {"top_k", Kind::computes,
     [](Scene& s, const Shape& x) {
       return s.b.top_k(s.tensor(with(x, last(x), x.back() + 2)), x.back()).first;
     }},
    {"sort", Kind::computes, [](Scene& s, const Shape& x) { return s.b.sort(s.tensor(x)).first; }},
    {"reduce_max_last", Kind::computes,
     [](Scene& s, const Shape& x) {
       return s.b.reduce_max(s.tensor(inserted(x, last(x) + 1, 3)), {last(x) + 1});
     }},
    {"reduce_min_first", Kind::computes,
     [](Scene& s, const Shape& x) { return s.b.reduce_min(s.tensor(inserted(x, 0, 3)), {0}); }},
    {"max_of_broadcast", Kind::computes,
     [](Scene& s, const Shape& x) {
       return s.b.max(s.tensor(x), s.b.broadcast_to(s.tensor(with(x, last(x) / 2, 1)), x));
     }},
    {"cast_i64", Kind::computes,
     [](Scene& s, const Shape& x) {
       return s.b.cast(s.integers(x, std::max<int64_t>(s.bound, 1), DType::i64), s.dtype);
     }},
    {"iota_first", Kind::computes,
     [](Scene& s, const Shape& x) {
       const Value place = s.b.iota({DType::i32, x}, 0);
       return s.b.cast(s.b.min(place, s.b.constant_int(std::max<int64_t>(s.bound, 2) - 1, DType::i32, x)),
                       s.dtype);
     }},
    {"iota_last", Kind::computes,
     [](Scene& s, const Shape& x) {
       const Value place = s.b.iota({DType::i32, x}, last(x));
       return s.b.cast(s.b.min(place, s.b.constant_int(std::max<int64_t>(s.bound, 2) - 1, DType::i32, x)),
                       s.dtype);
     }},
};

const std::vector<Maker> kIntegers = {
    {"argmax", Kind::integers,
     [](Scene& s, const Shape& x) {
       return s.b.argmax(s.real(inserted(x, last(x) + 1, s.bound)), {last(x) + 1});
     }},
    {"top_k_places", Kind::integers,
     [](Scene& s, const Shape& x) {
       const Value places = s.b.top_k(s.real(with(x, last(x), x.back() + 2)), x.back()).second;
       return s.b.min(places, s.b.constant_int(s.bound - 1, DType::i32, x));
     }},
    {"sort_places", Kind::integers,
     [](Scene& s, const Shape& x) {
       return s.b.min(s.b.sort(s.real(x), true).second, s.b.constant_int(s.bound - 1, DType::i32, x));
     }},
    {"flat_places", Kind::integers,
     [](Scene& s, const Shape& x) {
       const Value places =
           emit(s, OpCode::flat_places, {s.integers(x, 3)}, {{"axis", last(x)}, {"extent", int64_t{3}}});
       return s.b.rem(places, s.b.constant_int(s.bound, DType::i32, x));
     }},
    {"floor", Kind::integers,
     [](Scene& s, const Shape& x) {
       const Value unit = s.b.random_uniform({DType::f32, x}, 3);
       return s.b.cast(s.b.floor(s.b.mul(unit, s.b.constant_like(static_cast<double>(s.bound), unit))),
                       DType::i32);
     }},
    {"check_index", Kind::integers,
     [](Scene& s, const Shape& x) { return s.b.check_index(s.tensor(x), s.bound); }},
    {"rem", Kind::integers,
     [](Scene& s, const Shape& x) {
       return s.b.rem(s.b.add(s.tensor(x), s.tensor(x)), s.b.constant_int(s.bound, DType::i32, x));
     }},
};

#define SINTER_COMPOSITE(op)                                                                      \
  {                                                                                               \
#op, Kind::floats, [](Scene & s, const Shape& x) { return emit(s, OpCode::op, {s.real(x)}); } \
  }

const std::vector<Maker> kFloats = {
    {"add", Kind::floats, [](Scene& s, const Shape& x) { return s.b.add(s.real(x), s.real(x)); }},
    {"square", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Value p = s.real(x);
       return s.b.mul(p, p);
     }},
    {"exp", Kind::floats, [](Scene& s, const Shape& x) { return s.b.exp(s.real(x)); }},
    {"tanh", Kind::floats, [](Scene& s, const Shape& x) { return s.b.tanh(s.real(x)); }},
    {"scale_rows", Kind::floats,
     [](Scene& s, const Shape& x) { return s.b.mul(s.real(x), s.real(with(x, last(x), 1))); }},
    {"scale_columns", Kind::floats,
     [](Scene& s, const Shape& x) { return s.b.mul(s.real(x), s.real({x.back()})); }},
    {"exp_of_gather", Kind::floats, [](Scene& s, const Shape& x) { return s.b.exp(gather_at(s, x, 0)); }},
    {"cast_i32", Kind::floats,
     [](Scene& s, const Shape& x) { return s.b.cast(s.integers(x, 5), DType::f32); }},
    {"cast_bool", Kind::floats,
     [](Scene& s, const Shape& x) { return s.b.cast(s.b.less(s.real(x), s.real(x)), DType::f32); }},
    {"random_uniform", Kind::floats,
     [](Scene& s, const Shape& x) {
       return s.b.random_uniform({DType::f32, x}, 5);
     }},
    {"random_normal", Kind::floats,
     [](Scene& s, const Shape& x) {
       return s.b.random_normal({DType::f32, x}, 6);
     }},
    {"dropout", Kind::floats,
     [](Scene& s, const Shape& x) {
       return emit(s, OpCode::dropout, {s.real(x)}, {{"rate", 0.25}, {"key", 7}});
     }},
    {"check_finite", Kind::floats, [](Scene& s, const Shape& x) { return s.b.check_finite(s.real(x), "x"); }},
    {"reduce_sum_first", Kind::floats,
     [](Scene& s, const Shape& x) { return s.b.reduce_sum(s.real(inserted(x, 0, 5)), {0}); }},
    {"reduce_sum_middle", Kind::floats,
     [](Scene& s, const Shape& x) { return s.b.reduce_sum(s.real(inserted(x, last(x), 5)), {last(x)}); }},
    {"reduce_sum_last", Kind::floats,
     [](Scene& s, const Shape& x) {
       return s.b.reduce_sum(s.real(inserted(x, last(x) + 1, 5)), {last(x) + 1});
     }},
    {"mean_broadcast", Kind::floats,
     [](Scene& s, const Shape& x) { return s.b.sub(s.real(x), s.b.reduce_sum(s.real(x), {last(x)}, true)); }},
    {"variance", Kind::floats,
     [](Scene& s, const Shape& x) {
       return emit(s, OpCode::variance, {s.real(inserted(x, last(x) + 1, 5))}, {{"axes", List{last(x) + 1}}});
     }},
    {"contract", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Value p = s.real({graph::element_count(x) / x.back(), 5}), q = s.real({5, x.back()});
       return s.b.reshape(s.b.contract(p, q, "ik,kj->ij"), x);
     }},
    {"contract_batched", Kind::floats,
     [](Scene& s, const Shape& x) {
       const int64_t rest = graph::element_count(x) / x[0];
       return s.b.reshape(s.b.contract(s.real({x[0], 5}), s.real({x[0], rest, 5}), "bk,bnk->bn"), x);
     }},
    {"contract_gather", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Value q = s.real({5, graph::element_count(x) / x[0]});
       return s.b.reshape(s.b.contract(gather_at(s, {x[0], 5}, 0), q, "ik,kj->ij"), x);
     }},
    {"outer_product", Kind::floats,
     [](Scene& s, const Shape& x) {
       const int64_t rest = graph::element_count(x) / x.back();
       return s.b.reshape(s.b.contract(s.real({rest}), s.real({x.back()}), "i,j->ij"), x);
     }},
    {"softmax", Kind::floats,
     [](Scene& s, const Shape& x) {
       return emit(s, OpCode::softmax, {s.real(x)}, {{"axis", last(x)}});
     }},
    {"softmax_first", Kind::floats,
     [](Scene& s, const Shape& x) {
       return emit(s, OpCode::softmax, {s.real(x)}, {{"axis", 0}});
     }},
    {"log_softmax", Kind::floats,
     [](Scene& s, const Shape& x) {
       return emit(s, OpCode::log_softmax, {s.real(x)}, {{"axis", last(x)}});
     }},
    {"layer_norm", Kind::floats,
     [](Scene& s, const Shape& x) {
       return emit(s, OpCode::layer_norm, {s.real(x), s.real({x.back()}), s.real({x.back()})},
                   {{"epsilon", 0.1}});
     }},
    {"rms_norm", Kind::floats,
     [](Scene& s, const Shape& x) {
       return emit(s, OpCode::rms_norm, {s.real(x), s.real({x.back()})}, {{"epsilon", 0.1}});
     }},
    SINTER_COMPOSITE(sigmoid),
    SINTER_COMPOSITE(silu),
    SINTER_COMPOSITE(gelu),
    SINTER_COMPOSITE(relu),
    SINTER_COMPOSITE(softplus),
    SINTER_COMPOSITE(sinh),
    SINTER_COMPOSITE(cosh),
    SINTER_COMPOSITE(atan),
    SINTER_COMPOSITE(asinh),
    {"attention", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Shape q{1, 1, graph::element_count(x) / x.back(), 3}, k{1, 1, 4, 3}, v{1, 1, 4, x.back()};
       return s.b.reshape(emit(s, OpCode::attention, {s.real(q), s.real(k), s.real(v)}, {{"scale", 0.5}}), x);
     }},
    {"attention_weights", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Shape q{1, 1, graph::element_count(x) / x.back(), 3}, k{1, 1, x.back(), 3};
       return s.b.reshape(emit(s, OpCode::attention_weights, {s.real(q), s.real(k)}, {{"scale", 0.5}}), x);
     }},
    {"convolution", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Value image = s.real({1, 2, graph::element_count(x) / x[0]}), filter = s.real({x[0], 2, 3});
       return s.b.reshape(
           emit(s, OpCode::convolution, {image, filter},
                {{"stride", List{1}}, {"padding", List{1}}, {"dilation", List{1}}, {"groups", 1}}),
           x);
     }},
    {"max_pool", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Value image = s.real({1, x[0], 2 * graph::element_count(x) / x[0]});
       return s.b.reshape(emit(s, OpCode::max_pool, {image}, {{"size", List{2}}, {"stride", List{2}}}), x);
     }},
    {"average_pool", Kind::floats,
     [](Scene& s, const Shape& x) {
       const Value image = s.real({1, x[0], graph::element_count(x) / x[0] + 1});
       return s.b.reshape(emit(s, OpCode::average_pool, {image}, {{"size", List{2}}, {"stride", List{1}}}),
                          x);
     }},
    {"fold", Kind::floats,
     [](Scene& s, const Shape& x) {
       Shape from = x;
       from.back() = x.back() - 1;
       from.push_back(2);
       return s.b.fold(s.real(from), last(x), x.back());
     }},
    {"scatter_add", Kind::floats,
     [](Scene& s, const Shape& x) {
       return s.b.scatter_add(s.real(x), s.integers({5}, x[0]), s.real(with(x, 0, 5)));
     }},
    {"scatter_add_last", Kind::floats,
     [](Scene& s, const Shape& x) {
       return s.b.scatter_add(s.real(x), s.integers({5}, x.back()), s.real(with(x, last(x), 5)), last(x));
     }},
    {"cumsum_first", Kind::floats, [](Scene& s, const Shape& x) { return s.b.cumsum(s.real(x), 0, true); }},
    {"cumsum_last", Kind::floats, [](Scene& s, const Shape& x) { return s.b.cumsum(s.real(x), last(x)); }},
    {"scan_carry", Kind::floats,
     [](Scene& s, const Shape& x) {
       const auto& body =
           s.helper({{DType::f32, x}, {DType::f32, x}}, [](Builder& b, const std::vector<Value>& p) {
             return std::vector<Value>{b.tanh(b.add(p[0], p[1]))};
           });
       return s.b.scan(body, {s.real(x), s.real(inserted(x, 0, 3))}, 1, 0, 3)[0];
     }},
};

#undef SINTER_COMPOSITE

}  // namespace

const std::vector<Maker>& makers() {
  static const std::vector<Maker> all = [] {
    std::vector<Maker> list;
    for (const auto* some : {&kMoves, &kComputes, &kIntegers, &kFloats})
      list.insert(list.end(), some->begin(), some->end());
    return list;
  }();
  return all;
}

bool makes(const Maker& maker, DType type) {
  switch (maker.kind) {
    case Kind::moves:
      return true;
    case Kind::computes:
      return type == DType::f32 || type == DType::i32;
    case Kind::floats:
      return type == DType::f32;
    default:
      return type == DType::i32;
  }
}

}  // namespace sinter::test
