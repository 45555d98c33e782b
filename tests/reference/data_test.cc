#include <gtest/gtest.h>

#include "tests/reference/rows.h"

namespace sinter::reference::test {
namespace {

using graph::OpCode;

TEST(View, AgreesWithNumpy) {
  check({
      // numpy: x.reshape(3, 2)
      {OpCode::reshape,
       {f32({2, 3}, {1, 2, 3, 4, 5, 6})},
       {{"shape", graph::Shape{3, 2}}},
       {f32({3, 2}, {1, 2, 3, 4, 5, 6})},
       0},
      // numpy: x.transpose(2, 0, 1)
      {OpCode::transpose,
       {i32({1, 2, 3}, {0, 1, 2, 3, 4, 5})},
       {{"permutation", graph::Shape{2, 0, 1}}},
       {i32({3, 1, 2}, {0, 3, 1, 4, 2, 5})},
       0},
      // numpy: np.broadcast_to(x[:, None], (2, 3))
      {OpCode::broadcast,
       {f32({2}, {1, 2})},
       {{"shape", graph::Shape{2, 3}}, {"dims", graph::Shape{0}}},
       {f32({2, 3}, {1, 1, 1, 2, 2, 2})},
       0},
      // numpy: np.broadcast_to(x[:, None], (3, 2, 2))
      {OpCode::broadcast,
       {f32({1, 2}, {1, 2})},
       {{"shape", graph::Shape{3, 2, 2}}, {"dims", graph::Shape{0, 2}}},
       {f32({3, 2, 2}, {1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2})},
       0},
      // numpy: np.full((2,), True)
      {OpCode::broadcast,
       {boolean({}, {1})},
       {{"shape", graph::Shape{2}}, {"dims", graph::Shape{}}},
       {boolean({2}, {1, 1})},
       0},
      // numpy: x[1:3, 0:4:3]
      {OpCode::slice,
       {f32({3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})},
       {{"start", graph::Shape{1, 0}}, {"limit", graph::Shape{3, 4}}, {"stride", graph::Shape{1, 3}}},
       {f32({2, 2}, {4, 7, 8, 11})},
       0},
      // numpy: x[2:2]
      {OpCode::slice,
       {f32({3}, {1, 2, 3})},
       {{"start", graph::Shape{2}}, {"limit", graph::Shape{2}}, {"stride", graph::Shape{1}}},
       {f32({0}, {})},
       0},
      // numpy: x[::-1, ::-1]
      {OpCode::reverse,
       {f32({2, 3}, {0, 1, 2, 3, 4, 5})},
       {{"axes", graph::Shape{0, 1}}},
       {f32({2, 3}, {5, 4, 3, 2, 1, 0})},
       0},
      // numpy: x[::-1]
      {OpCode::reverse, {boolean({3}, {0, 1, 1})}, {{"axes", graph::Shape{0}}}, {boolean({3}, {1, 1, 0})}, 0},
      // One before, two between, three after.
      {OpCode::pad,
       {f32({2}, {1, 2})},
       {{"low", graph::Shape{1}}, {"high", graph::Shape{3}}, {"interior", graph::Shape{2}}, {"value", 9.0}},
       {f32({8}, {9, 1, 9, 9, 2, 9, 9, 9})},
       0},
      // numpy: np.pad(x, ((1, 0), (0, 1)), constant_values=-1)
      {OpCode::pad,
       {i32({1, 2}, {1, 2})},
       {{"low", graph::Shape{1, 0}},
        {"high", graph::Shape{0, 1}},
        {"interior", graph::Shape{0, 0}},
        {"value", -1.0}},
       {i32({2, 3}, {-1, -1, -1, 1, 2, -1})},
       0},
      // numpy: np.pad(x, (1, 1))
      {OpCode::pad,
       {f32({0}, {})},
       {{"low", graph::Shape{1}}, {"high", graph::Shape{1}}, {"interior", graph::Shape{4}}, {"value", 0.0}},
       {f32({2}, {0, 0})},
       0},
      // numpy: np.concatenate((x, y, z), 1)
      {OpCode::concat,
       {f32({2, 2}, {0, 1, 2, 3}), f32({2, 0}, {}), f32({2, 1}, {0, 1})},
       {{"axis", int64_t{1}}},
       {f32({2, 3}, {0, 1, 0, 2, 3, 1})},
       0},
      // numpy: np.lib.stride_tricks.sliding_window_view(x, 3)[::2]
      {OpCode::window,
       {f32({7}, {0, 1, 2, 3, 4, 5, 6})},
       {{"axis", int64_t{0}}, {"size", int64_t{3}}, {"stride", int64_t{2}}, {"dilation", int64_t{1}}},
       {f32({3, 3}, {0, 1, 2, 2, 3, 4, 4, 5, 6})},
       0},
      // numpy: np.lib.stride_tricks.sliding_window_view(x, 5, axis=0)[:, :, ::2]
      {OpCode::window,
       {f32({6, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})},
       {{"axis", int64_t{0}}, {"size", int64_t{3}}, {"stride", int64_t{1}}, {"dilation", int64_t{2}}},
       {f32({2, 2, 3}, {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11})},
       0},
      // out[2 * window + place] += x[window, place]
      {OpCode::fold,
       {f32({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})},
       {{"axis", int64_t{0}}, {"extent", int64_t{8}}, {"stride", int64_t{2}}, {"dilation", int64_t{1}}},
       {f32({8}, {1, 2, 7, 5, 13, 8, 9, 0})},
       0},
  });
}

TEST(Data, AgreesWithNumpy) {
  check({
      // numpy: x[y]
      {OpCode::gather,
       {f32({3, 2}, {0, 1, 2, 3, 4, 5}), i32({2, 2}, {2, 0, 2, 1})},
       {{"axis", int64_t{0}}},
       {f32({2, 2, 2}, {4, 5, 0, 1, 4, 5, 2, 3})},
       0},
      // numpy: x[:, y]
      {OpCode::gather,
       {f32({2, 3}, {0, 1, 2, 3, 4, 5}), i64({2}, {2, 0})},
       {{"axis", int64_t{1}}},
       {f32({2, 2}, {2, 0, 5, 3})},
       0},
      // numpy: x[y]
      {OpCode::gather, {boolean({2}, {1, 0}), i32({}, {1})}, {{"axis", int64_t{0}}}, {boolean({}, {0})}, 0},
      // numpy: np.add.at(r := x.copy(), y, z) or r
      {OpCode::scatter_add,
       {f32({3, 2}, {0, 1, 2, 3, 4, 5}), i32({3}, {2, 0, 2}), f32({3, 2}, {1, 2, 3, 4, 5, 6})},
       {{"axis", int64_t{0}}},
       {f32({3, 2}, {3, 5, 2, 3, 10, 13})},
       0},
      // numpy: np.add.at(r := x.copy(), (slice(None), y), z) or r
      {OpCode::scatter_add,
       {i32({2, 3}, {0, 1, 2, 3, 4, 5}), i64({2}, {2, 2}), i32({2, 2}, {1, 2, 3, 4})},
       {{"axis", int64_t{1}}},
       {i32({2, 3}, {0, 1, 5, 3, 4, 12})},
       0},
      // numpy: np.array([((0 + 2.0**30) - 2.0**30) + 1])
      {OpCode::scatter_add,
       {f32({1}, {0}), i32({3}, {0, 0, 0}), f32({3}, {1073741824.0, -1073741824.0, 1})},
       {{"axis", int64_t{0}}},
       {f32({1}, {1})},
       0},
      // numpy: x[1:3, 2:4]
      {OpCode::dynamic_slice,
       {f32({3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), i32({}, {1}), i32({}, {2})},
       {{"sizes", graph::Shape{2, 2}}},
       {f32({2, 2}, {6, 7, 10, 11})},
       0},
      // numpy: x[1:3, 0:2]
      {OpCode::dynamic_slice,
       {f32({3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), i32({}, {9}), i32({}, {-5})},
       {{"sizes", graph::Shape{2, 2}}},
       {f32({2, 2}, {4, 5, 8, 9})},
       0},
      // numpy: np.concatenate((x[:1], y))
      {OpCode::dynamic_update,
       {f32({3, 2}, {0, 0, 0, 0, 0, 0}), f32({2, 2}, {1, 2, 3, 4}), i32({}, {7}), i32({}, {0})},
       {},
       {f32({3, 2}, {0, 0, 1, 2, 3, 4})},
       0},
      // numpy: np.concatenate((y, x[1:]))
      {OpCode::dynamic_update,
       {i32({3}, {1, 2, 3}), i32({1}, {9}), i64({}, {-1})},
       {},
       {i32({3}, {9, 2, 3})},
       0},
      // Falling, the first of equals first, NaN before all.
      {OpCode::top_k,
       {f32({2, 4}, {1, 5, 5, -kInf, kNan, 2, kNan, kInf})},
       {{"k", int64_t{3}}},
       {f32({2, 3}, {5, 5, 1, kNan, kNan, kInf}), i32({2, 3}, {1, 2, 0, 0, 2, 3})},
       0},

      {OpCode::top_k,
       {i32({4}, {3, -2147483648.0, 2147483647.0, 3})},
       {{"k", int64_t{4}}},
       {i32({4}, {2147483647.0, 3, 3, -2147483648.0}), i32({4}, {2, 0, 3, 1})},
       0},

      {OpCode::top_k, {f32({2}, {1, 2})}, {{"k", int64_t{0}}}, {f32({0}, {}), i32({0}, {})}, 0},
      // Equals in order, NaN the greatest.
      {OpCode::sort,
       {f32({2, 4}, {1, 5, -kInf, 1, -kInf, kNan, 2, kNan})},
       {},
       {f32({2, 4}, {-kInf, 1, 1, 5, -kInf, 2, kNan, kNan}), i32({2, 4}, {2, 0, 3, 1, 0, 2, 1, 3})},
       0},
      {OpCode::sort,
       {f32({6}, {1, 5, 1, kNan, 7, kNan})},
       {{"descending", true}},
       {f32({6}, {kNan, kNan, 7, 5, 1, 1}), i32({6}, {3, 5, 4, 1, 0, 2})},
       0},
      {OpCode::sort,
       {i32({5}, {3, -2147483648.0, 2147483647.0, 3, 1})},
       {{"run", int64_t{2}}},
       {i32({5}, {-2147483648.0, 3, 3, 2147483647.0, 1}), i32({5}, {1, 0, 3, 2, 4})},
       0},
      {OpCode::sort,
       {i32({5}, {1, 4, 0, 1, 9}), i32({5}, {1, 0, 3, 2, 4})},
       {{"run", int64_t{4}}},
       {i32({5}, {0, 1, 1, 4, 9}), i32({5}, {3, 1, 2, 0, 4})},
       0},
      // numpy: np.broadcast_to(np.arange(3.), (2, 3))
      {OpCode::iota,
       {},
       {{"dtype", graph::DType::f32}, {"shape", graph::Shape{2, 3}}, {"axis", int64_t{1}}},
       {f32({2, 3}, {0, 1, 2, 0, 1, 2})},
       0},
      // numpy: np.broadcast_to(np.arange(2)[:, None], (2, 3))
      {OpCode::iota,
       {},
       {{"dtype", graph::DType::i64}, {"shape", graph::Shape{2, 3}}, {"axis", int64_t{0}}},
       {i64({2, 3}, {0, 0, 0, 1, 1, 1})},
       0},
      // numpy: np.full(2, 0.5)
      {OpCode::constant,
       {},
       {{"dtype", graph::DType::f32}, {"shape", graph::Shape{2}}, {"value", 0.5}},
       {f32({2}, {0.5, 0.5})},
       0},
      // numpy: I(3, -4)
      {OpCode::constant,
       {},
       {{"dtype", graph::DType::i32}, {"shape", graph::Shape{2}}, {"values", std::vector<int64_t>{3, -4}}},
       {i32({2}, {3, -4})},
       0},
      // numpy: B(1, 1)
      {OpCode::constant,
       {},
       {{"dtype", graph::DType::boolean}, {"shape", graph::Shape{2}}, {"value", int64_t{1}}},
       {boolean({2}, {1, 1})},
       0},
      // numpy: x
      {OpCode::check_index,
       {i32({3}, {0, -100, 4})},
       {{"bound", int64_t{5}}, {"ignore", int64_t{-100}}},
       {i32({3}, {0, -100, 4})},
       0},
      // numpy: x
      {OpCode::check_finite, {f32({2}, {0, -1})}, {{"what", std::string("loss")}}, {f32({2}, {0, -1})}, 0},
  });
}

}  // namespace
}  // namespace sinter::reference::test
