#include "ir/graph/builder.h"

#include <gtest/gtest.h>

#include "ir/graph/verify.h"
#include "tests/ir/sample.h"
#include "tests/support/message_of.h"

namespace sinter::graph {
namespace {

class BuilderTest : public testing::Test {
 protected:
  Value input(Shape shape, DType type = DType::f32) {
    return b.parameter("p" + std::to_string(count_++), {type, std::move(shape)});
  }

  Module module;
  Builder b{module, module.add_function("f")};

 private:
  int count_ = 0;
};

TEST_F(BuilderTest, ElementwiseOpsBroadcastAsNumpyDoes) {
  const Value x = input({2, 1, 3}), y = input({4, 1});
  EXPECT_EQ(to_string(b.add(x, y).type()), "f32[2,4,3]");
  EXPECT_EQ(to_string(b.less(x, b.scalar_like(0, x)).type()), "bool[2,1,3]");
  EXPECT_EQ(to_string(b.select(b.less(x, x), x, y).type()), "f32[2,4,3]");
}

std::string matmul_type(Shape lhs, Shape rhs) {
  Module module;
  Builder b(module, module.add_function("f"));
  const Value x = b.parameter("x", {DType::f32, std::move(lhs)});
  const Value y = b.parameter("y", {DType::f32, std::move(rhs)});
  const Value product = b.matmul(x, y);
  verify(module);
  return to_string(product.type());
}

TEST(BuilderMatmul, HasNumpysShapes) {
  EXPECT_EQ(matmul_type({4, 8}, {8, 3}), "f32[4,3]");
  EXPECT_EQ(matmul_type({8}, {8}), "f32[]");
  EXPECT_EQ(matmul_type({8}, {8, 3}), "f32[3]");
  EXPECT_EQ(matmul_type({4, 8}, {8}), "f32[4]");
  EXPECT_EQ(matmul_type({5, 4, 8}, {8, 3}), "f32[5,4,3]");
  EXPECT_EQ(matmul_type({5, 1, 4, 8}, {6, 8, 3}), "f32[5,6,4,3]");
  EXPECT_EQ(matmul_type({1, 4, 8}, {7, 1, 8, 3}), "f32[7,1,4,3]");
  EXPECT_EQ(matmul_type({0, 4, 8}, {1, 8, 3}), "f32[0,4,3]");
}

TEST_F(BuilderTest, NegativeAxesCountFromTheEnd) {
  const Value x = input({2, 3, 4});
  EXPECT_EQ(to_string(b.reduce_sum(x, {-1, 0}).type()), "f32[3]");
  EXPECT_EQ(to_string(b.reduce_max(x, {-1}, true).type()), "f32[2,3,1]");
  EXPECT_EQ(to_string(b.concat({x, x}, -1).type()), "f32[2,3,8]");
  EXPECT_EQ(to_string(b.swap_axes(x, -1, -2).type()), "f32[2,4,3]");
  EXPECT_EQ(to_string(b.expand_dims(x, {0, -1}).type()), "f32[1,2,3,4,1]");
  EXPECT_EQ(to_string(b.reshape(x, {4, -1}).type()), "f32[4,6]");
}

TEST_F(BuilderTest, ErrorsOfOperands) {
  const Value x = input({4, 8}), y = input({7, 3}), d = input({4, 8}, DType::f64), s = input({});
  EXPECT_EQ(message_of([&] { b.matmul(x, y); }),
            "matmul: inner dimensions differ: lhs f32[4,8] has 8, rhs f32[7,3] has 7");
  EXPECT_EQ(message_of([&] { b.matmul(x, s); }), "matmul: takes operands with axes: lhs f32[4,8], rhs f32[]");
  EXPECT_EQ(message_of([&] { b.matmul(x, d); }), "matmul: element types differ: lhs f32[4,8], rhs f64[4,8]");
  EXPECT_EQ(message_of([&] {
              b.matmul(input({2, 4, 8}), input({3, 8, 4}));
            }),
            "matmul: leading axes do not broadcast: lhs f32[2,4,8], rhs f32[3,8,4]");
  EXPECT_EQ(message_of([&] { b.add(x, y); }), "add: shapes do not broadcast: lhs f32[4,8], rhs f32[7,3]");
  EXPECT_EQ(message_of([&] { b.add(x, d); }), "add: element types differ: lhs f32[4,8], rhs f64[4,8]");
  EXPECT_EQ(message_of([&] { b.select(b.less(x, x), x, y); }),
            "select: shapes do not broadcast: condition bool[4,8], values f32[4,8] and f32[7,3]");
}

TEST_F(BuilderTest, ErrorsOfAxesAndShapes) {
  const Value x = input({4, 8});
  EXPECT_EQ(message_of([&] { b.reduce_sum(x, {2}); }), "reduce_sum: axis 2 is outside f32[4,8]");
  EXPECT_EQ(message_of([&] {
              b.reshape(x, {5, -1});
            }),
            "reshape: f32[4,8] has 32 elements, which [5,-1] does not divide");
  EXPECT_EQ(message_of([&] { b.broadcast_to(x, {8}); }), "broadcast: f32[4,8] does not broadcast to [8]");
  EXPECT_EQ(message_of([&] { b.swap_axes(x, 0, 2); }), "transpose: axes 0 and 2 of f32[4,8]");
  EXPECT_EQ(message_of([&] { b.slice_axis(x, 3, 0, 1); }), "slice: axis 3 of f32[4,8]");
  EXPECT_EQ(message_of([&] { b.emit(OpCode::softmax, {x}); }), "softmax: the attribute 'axis' is missing");
  EXPECT_EQ(message_of([&] { b.read("w"); }), "read: no state is called 'w'");
}

TEST_F(BuilderTest, ErrorsTellThePlace) {
  const Value x = input({4, 8}), y = input({7, 3});
  b.set_location({"classifier.cpp", 42, "encoder.0.attention"});
  EXPECT_EQ(message_of([&] { b.matmul(x, y); }),
            "matmul: inner dimensions differ: lhs f32[4,8] has 8, rhs f32[7,3] has 7 (classifier.cpp:42, in "
            "encoder.0.attention)");
  EXPECT_EQ(
      message_of([&] { b.add(x, y); }),
      "add: shapes do not broadcast: lhs f32[4,8], rhs f32[7,3] (classifier.cpp:42, in encoder.0.attention)");
  b.set_location({"classifier.cpp", 43, ""});
  EXPECT_EQ(message_of([&] { b.exp(input({2}, DType::i32)); }),
            "exp: takes a floating type, got i32[2] (classifier.cpp:43)");
}

}  // namespace
}  // namespace sinter::graph
