#include <gtest/gtest.h>

#include "tests/reference/rows.h"

namespace sinter::reference::test {
namespace {

using graph::OpCode;

TEST(Reduction, AgreesWithNumpy) {
  check({
      // numpy: x.sum((0, 2))
      {OpCode::reduce_sum,
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       {{"axes", graph::Shape{0, 2}}},
       {f32({3}, {-1.5, 12, 11})},
       0},
      // numpy: x.sum(1)
      {OpCode::reduce_sum,
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       {{"axes", graph::Shape{1}}},
       {f32({2, 2}, {2, 14, 6.5, -1})},
       0},
      // numpy: x
      {OpCode::reduce_sum,
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       {{"axes", graph::Shape{}}},
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       0},
      // numpy: x.sum(0, dtype=np.int32)
      {OpCode::reduce_sum,
       {i32({3}, {2147483647.0, 1, 5})},
       {{"axes", graph::Shape{0}}},
       {i32({}, {-2147483643.0})},
       0},
      // numpy: x.sum(1)
      {OpCode::reduce_sum, {f32({2, 0}, {})}, {{"axes", graph::Shape{1}}}, {f32({2}, {0, 0})}, 0},
      // numpy: x.max((1, 2))
      {OpCode::reduce_max,
       {f32({2, 3, 2}, {1, 5, -2, kNan, 3, 5, 0.5, -kInf, 5, 5, 1, 2})},
       {{"axes", graph::Shape{1, 2}}},
       {f32({2}, {kNan, 5})},
       0},
      // numpy: x.max(0)
      {OpCode::reduce_max,
       {f32({2, 3, 2}, {1, 5, -2, kNan, 3, 5, 0.5, -kInf, 5, 5, 1, 2})},
       {{"axes", graph::Shape{0}}},
       {f32({3, 2}, {1, 5, 5, kNan, 3, 5})},
       0},
      // numpy: x.min((1, 2))
      {OpCode::reduce_min,
       {f32({2, 3, 2}, {1, 5, -2, kNan, 3, 5, 0.5, -kInf, 5, 5, 1, 2})},
       {{"axes", graph::Shape{1, 2}}},
       {f32({2}, {kNan, -kInf})},
       0},
      // numpy: x.min(2)
      {OpCode::reduce_min,
       {f32({2, 3, 2}, {1, 5, -2, kNan, 3, 5, 0.5, -kInf, 5, 5, 1, 2})},
       {{"axes", graph::Shape{2}}},
       {f32({2, 3}, {1, kNan, 3, -kInf, 5, 1})},
       0},
      // numpy: np.full(2, -inf)
      {OpCode::reduce_max, {f32({2, 0}, {})}, {{"axes", graph::Shape{1}}}, {f32({2}, {-kInf, -kInf})}, 0},
      // numpy: np.full(2, inf)
      {OpCode::reduce_min, {f32({2, 0}, {})}, {{"axes", graph::Shape{1}}}, {f32({2}, {kInf, kInf})}, 0},
      // numpy: I(MIN)
      {OpCode::reduce_max, {i32({1, 0}, {})}, {{"axes", graph::Shape{1}}}, {i32({1}, {-2147483648.0})}, 0},
      // numpy: I(MAX)
      {OpCode::reduce_min, {i32({1, 0}, {})}, {{"axes", graph::Shape{1}}}, {i32({1}, {2147483647.0})}, 0},
      // numpy: x.any(1)
      {OpCode::reduce_max,
       {boolean({2, 2}, {0, 1, 0, 0})},
       {{"axes", graph::Shape{1}}},
       {boolean({2}, {1, 0})},
       0},
      // numpy: x.all(1)
      {OpCode::reduce_min,
       {boolean({2, 2}, {1, 1, 1, 0})},
       {{"axes", graph::Shape{1}}},
       {boolean({2}, {1, 0})},
       0},
      // numpy: x.argmax(1).astype(np.int32)
      {OpCode::argmax,
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       {{"axes", graph::Shape{1}}},
       {i32({2, 2}, {2, 0, 1, 1})},
       0},
      // numpy: x.transpose(1, 0, 2).reshape(3, 4).argmax(1).astype(np.int32)
      {OpCode::argmax,
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       {{"axes", graph::Shape{0, 2}}},
       {i32({3}, {1, 2, 1})},
       0},
      // numpy: x.reshape(2, 6).argmax(1).astype(np.int32)
      {OpCode::argmax,
       {f32({2, 3, 2}, {1, 5, -2, kNan, 3, 5, 0.5, -kInf, 5, 5, 1, 2})},
       {{"axes", graph::Shape{1, 2}}},
       {i32({2}, {3, 2})},
       0},
      // numpy: np.int32(x.argmax(0))
      {OpCode::argmax, {f32({2}, {-kInf, -kInf})}, {{"axes", graph::Shape{0}}}, {i32({}, {0})}, 0},
      // numpy: np.int32(x.argmax(0))
      {OpCode::argmax,
       {i32({4}, {3, 2147483647.0, 2147483647.0, -2147483648.0})},
       {{"axes", graph::Shape{0}}},
       {i32({}, {1})},
       0},
      // numpy: x.cumsum(1)
      {OpCode::cumsum,
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       {{"axis", int64_t{1}}},
       {f32({2, 3, 2}, {1, 5, -1, 9, 2, 14, 0.5, -8, 5.5, -3, 6.5, -1})},
       0},
      // numpy: x[:, :, ::-1].cumsum(2)[:, :, ::-1]
      {OpCode::cumsum,
       {f32({2, 3, 2}, {1, 5, -2, 4, 3, 5, 0.5, -8, 5, 5, 1, 2})},
       {{"axis", int64_t{2}}, {"reverse", true}},
       {f32({2, 3, 2}, {6, 5, 2, 4, 8, 5, -7.5, -8, 10, 5, 3, 2})},
       0},
      // numpy: x.cumsum(0, dtype=np.int32)
      {OpCode::cumsum,
       {i32({3}, {2147483647.0, 1, 1})},
       {{"axis", int64_t{0}}},
       {i32({3}, {2147483647.0, -2147483648.0, -2147483647.0})},
       0},
  });
}

TEST(Contract, AgreesWithNumpy) {
  check({
      // numpy: np.einsum("ik,kj->ij", x, y)
      {OpCode::contract,
       {f32({2, 3}, {-0.125, 0, 1, 1.875, -1.875, -1.5}),
        f32({3, 4}, {1.375, 1.875, -1, -0.75, 1.5, -0.375, -0.875, 1.375, -1, -0.375, 0.625, 0.25})},
       {{"dims", std::string("ik,kj->ij")}},
       {f32({2, 4}, {-1.171875, -0.609375, 0.75, 0.34375, 1.265625, 4.78125, -1.171875, -4.359375})},
       0},
      // numpy: np.einsum("bik,bkj->bij", x, y)
      {OpCode::contract,
       {f32({2, 2, 2}, {-1.75, -2, 1.5, 1, 1.375, 0.125, 1.25, -0.75}),
        f32({2, 2, 2}, {-0.25, 1.25, -1.5, -0.75, -1.5, -0.25, 2, -1.5})},
       {{"dims", std::string("bik,bkj->bij")}},
       {f32({2, 2, 2}, {3.4375, -0.6875, -1.875, 1.125, -1.8125, -0.53125, -3.375, 0.8125})},
       0},
      // numpy: np.einsum("ki,jk->ji", x, y)
      {OpCode::contract,
       {f32({3, 2}, {-0.5, -0.375, 1.625, -1.25, 0, -1}), f32({2, 3}, {-2, 1, -1.75, -0.875, 0, 0})},
       {{"dims", std::string("ki,jk->ji")}},
       {f32({2, 2}, {2.625, 1.25, 0.4375, 0.328125})},
       0},
      // numpy: np.einsum("bgrqw,bgkw->bgrqk", x, y)
      {OpCode::contract,
       {f32({1, 2, 2, 1, 2}, {-1.625, 2, 1, 1.875, -1.625, 0.875, -0.875, 0.125}),
        f32({1, 2, 2, 2}, {1.75, -0.875, 0.875, -1.375, -0.75, 2, -0.375, 0.125})},
       {{"dims", std::string("bgrqw,bgkw->bgrqk")}},
       {f32({1, 2, 2, 1, 2}, {-4.59375, -4.171875, 0.109375, -1.703125, 2.96875, 0.71875, 0.90625, 0.34375})},
       0},
      // numpy: np.einsum("i,j->ij", x, y)
      {OpCode::contract,
       {f32({3}, {-0.875, -1.625, -0.25}), f32({2}, {0.5, -0.125})},
       {{"dims", std::string("i,j->ij")}},
       {f32({3, 2}, {-0.4375, 0.109375, -0.8125, 0.203125, -0.125, 0.03125})},
       0},
      // numpy: np.einsum("k,k->", x, y)
      {OpCode::contract,
       {f32({4}, {1.125, -0.625, 0.5, 1.125}), f32({4}, {1.75, -0.25, -1.875, 0.875})},
       {{"dims", std::string("k,k->")}},
       {f32({}, {2.171875})},
       0},
      // numpy: np.einsum("abk,kb->a", x, y)
      {OpCode::contract,
       {f32({2, 2, 3}, {0.125, 1.5, -0.125, -0.5, -1.75, -0.125, 0.625, 1.125, 1.5, -1.125, 0.375, 1.25}),
        f32({3, 2}, {-1, -0.625, 1.375, 0.375, 0, 0.75})},
       {{"dims", std::string("abk,kb->a")}},
       {f32({2}, {1.5, 2.703125})},
       0},
      // numpy: np.einsum("ik,kj->ij", x, y)
      {OpCode::contract,
       {f32({2, 0}, {}), f32({0, 2}, {})},
       {{"dims", std::string("ik,kj->ij")}},
       {f32({2, 2}, {0, 0, 0, 0})},
       0},
      // numpy: x @ y
      {OpCode::contract,
       {i32({1, 2}, {2147483647.0, 2}), i32({2, 1}, {2, 3})},
       {{"dims", std::string("ik,kj->ij")}},
       {i32({1, 1}, {4})},
       0},
  });
}

}  // namespace
}  // namespace sinter::reference::test
