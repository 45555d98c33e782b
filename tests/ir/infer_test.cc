#include <gtest/gtest.h>

#include "ir/graph/builder.h"
#include "tests/ir/sample.h"

namespace sinter::graph {
namespace {

// What an op says that stands, without results, in a function of many parameters. Without a mistake it would
// say that its results are not stated.
std::string inference_error(const std::string& op) {
  const std::string error = parse_error(
      "state @w: f32[5,4] "
      "func @g(%a: f32[2]) { %0: f32[] = reduce_sum %a {axes=[0]} return %0 } "
      "func @f(%x: f32[2,3], %y: f32[3,2], %d: f64[2,3], %i: i32[4], %b: bool[2,3], %s: f32[], %q: "
      "f32[1,4,5,8]) {\n" +
      op + "\nreturn }");
  constexpr std::string_view kPlace = "in.sg:2:1: ";
  return error.starts_with(kPlace) ? error.substr(kPlace.size()) : error;
}

TEST(Infer, Elementwise) {
  EXPECT_EQ(inference_error("add %x, %y"), "add: shapes differ: lhs f32[2,3], rhs f32[3,2]");
  EXPECT_EQ(inference_error("add %x, %d"), "add: element types differ: lhs f32[2,3], rhs f64[2,3]");
  EXPECT_EQ(inference_error("add %x"), "add: takes 2 operands, got 1");
  EXPECT_EQ(inference_error("exp %i"), "exp: takes a floating type, got i32[4]");
  EXPECT_EQ(inference_error("neg %b"), "neg: takes a numeric type, got bool[2,3]");
  EXPECT_EQ(inference_error("logical_not %x"), "logical_not: takes an integer type or bool, got f32[2,3]");
  EXPECT_EQ(inference_error("select %x, %x, %x"), "select: takes a bool condition, got f32[2,3]");
  EXPECT_EQ(inference_error("select %b, %x, %d"), "select: the two values differ: f32[2,3] and f64[2,3]");
  EXPECT_EQ(inference_error("select %b, %y, %y"),
            "select: shapes differ: condition bool[2,3], values f32[3,2]");
}

TEST(Infer, Sources) {
  EXPECT_EQ(inference_error("constant {dtype=f32, shape=[2]}"), "constant: takes either 'value' or 'values'");
  EXPECT_EQ(inference_error("constant {dtype=f32, shape=[2], values=[1.0]}"),
            "constant: f32[2] takes 2 values, got 1");
  EXPECT_EQ(inference_error("constant {dtype=i32, shape=[], value=1.5}"),
            "constant: a value of i32 is an integer");
  EXPECT_EQ(inference_error("constant {dtype=i32, shape=[1], values=[1.5]}"),
            "constant: the values of i32 are integers");
  EXPECT_EQ(inference_error("constant {dtype=f32, shape=[-2], value=0.0}"),
            "constant: a negative extent in shape [-2]");
  EXPECT_EQ(inference_error("constant {dtype=f32, shape=[2000000,2000000], value=0.0}"),
            "constant: shape [2000000,2000000] is too large");
  EXPECT_EQ(inference_error("iota {axis=1, dtype=i32, shape=[4]}"), "iota: axis 1 is outside i32[4]");
  EXPECT_EQ(inference_error("random_uniform {dtype=i64, key=1, shape=[4]}"),
            "random_uniform: makes f32 or f64, not i64");
  EXPECT_EQ(inference_error("random_bits %x {key=1, shape=[4]}"),
            "random_bits: the salt is i32[], got f32[2,3]");
}

TEST(Infer, Reductions) {
  EXPECT_EQ(inference_error("reduce_sum %x {axes=[2]}"), "reduce_sum: axis 2 is outside f32[2,3]");
  EXPECT_EQ(inference_error("reduce_sum %x {axes=[1,0]}"),
            "reduce_sum: axes [1,0] are not sorted and distinct");
  EXPECT_EQ(inference_error("reduce_sum %b {axes=[1]}"), "reduce_sum: takes a numeric type, got bool[2,3]");
  EXPECT_EQ(inference_error("contract %x, %x {dims=\"ik,kj->ij\"}"),
            "contract: inner dimensions differ: lhs f32[2,3] has 3, rhs f32[2,3] has 2");
  EXPECT_EQ(inference_error("contract %x, %y {dims=\"bik,kj->ij\"}"),
            "contract: 'b' in dims 'bik,kj->ij' must be a letter that occurs in two or three of lhs, rhs and "
            "result, "
            "once in each");
  EXPECT_EQ(inference_error("contract %x, %y {dims=\"bik,bkj->bij\"}"),
            "contract: dims 'bik,bkj->bij' give lhs 3 axes, got f32[2,3]");
  EXPECT_EQ(inference_error("contract %x, %y {dims=\"ik kj\"}"),
            "contract: dims 'ik kj' are not of the form 'bik,bkj->bij'");
  EXPECT_EQ(inference_error("contract %x, %d {dims=\"ik,jk->ij\"}"),
            "contract: element types differ: lhs f32[2,3], rhs f64[2,3]");
}

TEST(Infer, Views) {
  EXPECT_EQ(inference_error("reshape %x {shape=[4]}"), "reshape: f32[2,3] has 6 elements, shape [4] has 4");
  EXPECT_EQ(inference_error("transpose %x {permutation=[0]}"),
            "transpose: 'permutation' has 1 number for f32[2,3], which has 2 axes");
  EXPECT_EQ(inference_error("transpose %x {permutation=[0,0]}"),
            "transpose: [0,0] is no permutation of the axes of f32[2,3]");
  EXPECT_EQ(inference_error("broadcast %x {dims=[0,1], shape=[2,4]}"),
            "broadcast: f32[2,3] does not broadcast to [2,4] by axes [0,1]");
  EXPECT_EQ(inference_error("slice %x {limit=[3,3], start=[0,0], stride=[1,1]}"),
            "slice: [0:3:1] is outside axis 0 of f32[2,3]");
  EXPECT_EQ(inference_error("pad %x {high=[0,0], interior=[0,0], low=[0,-1], value=0.0}"),
            "pad: negative padding on axis 1");
  EXPECT_EQ(inference_error("concat %x, %y {axis=0}"),
            "concat: parts differ besides axis 0: f32[2,3] and f32[3,2]");
  EXPECT_EQ(inference_error("window %x {axis=1, dilation=2, size=3, stride=1}"),
            "window: a window of 3 with dilation 2 is longer than axis 1 of f32[2,3]");
  EXPECT_EQ(inference_error("fold %x {axis=0, dilation=1, extent=9, stride=1}"),
            "fold: extent 9 does not give the windows of f32[2,3]");
}

TEST(Infer, Data) {
  EXPECT_EQ(inference_error("gather %x, %y {axis=0}"), "gather: takes integer indices, got f32[3,2]");
  EXPECT_EQ(inference_error("scatter_add %x, %i, %y {axis=0}"),
            "scatter_add: updates are f32[3,2], expected f32[4,3]");
  EXPECT_EQ(inference_error("dynamic_slice %x, %s {sizes=[1,1]}"),
            "dynamic_slice: takes one start for each axis of f32[2,3], got 1");
  EXPECT_EQ(inference_error("dynamic_slice %x, %s, %s {sizes=[1,1]}"),
            "dynamic_slice: takes integer scalars as starts, got f32[]");
  EXPECT_EQ(inference_error("top_k %x {k=4}"), "top_k: k = 4 of the last axis of f32[2,3]");
  EXPECT_EQ(inference_error("sort %x {run=0}"), "sort: run must be at least 1");
  EXPECT_EQ(inference_error("sort %s"), "sort: takes at least one axis, got f32[]");
  EXPECT_EQ(inference_error("sort %x, %x {run=2}"),
            "sort: takes a run with positions i32[2,3], got f32[2,3]");
  EXPECT_EQ(inference_error("check_index %x {bound=3}"), "check_index: takes integer indices, got f32[2,3]");
}

TEST(Infer, Control) {
  EXPECT_EQ(inference_error("read {state=\"v\"}"), "read: no state is called 'v'");
  EXPECT_EQ(inference_error("write %x {state=\"w\"}"), "write: state 'w' is f32[5,4], got f32[2,3]");
  EXPECT_EQ(inference_error("call %x {function=\"h\"}"), "call: no function is called 'h'");
  EXPECT_EQ(inference_error("call %x {function=\"g\"}"), "call: 'g' takes 'a' as f32[2], got f32[2,3]");
  EXPECT_EQ(inference_error("call {function=\"g\"}"), "call: 'g' takes 1 operand, got 0");
  EXPECT_EQ(inference_error("scan %x {carries=0, constants=0, function=\"g\", length=3}"),
            "scan: per-step input f32[2,3] has no leading axis of 3");
  EXPECT_EQ(inference_error("scan %x {carries=-1, constants=1, function=\"g\", length=3}"),
            "scan: 'length', 'carries' and 'constants' must not be negative");
  EXPECT_EQ(inference_error("grad %x, %x"), "grad: takes a floating scalar as loss, got f32[2,3]");
  EXPECT_EQ(inference_error("grad %s, %i"), "grad: takes floating values to differentiate for, got i32[4]");
}

TEST(Infer, Composites) {
  EXPECT_EQ(inference_error("softmax %x {axis=2}"), "softmax: axis 2 is outside f32[2,3]");
  EXPECT_EQ(inference_error("relu %i"), "relu: takes a floating type, got i32[4]");
  EXPECT_EQ(inference_error("layer_norm %x, %s {epsilon=1e-05}"),
            "layer_norm: scale is f32[], expected f32[3] for f32[2,3]");
  EXPECT_EQ(inference_error("cross_entropy %x, %i"),
            "cross_entropy: labels i32[4] do not fit logits f32[2,3]");
  EXPECT_EQ(
      inference_error("attention %q, %q, %x {scale=1.0}"),
      "attention: takes q, k and v of [batch,heads,time,width], got f32[1,4,5,8], f32[1,4,5,8] and f32[2,3]");
  EXPECT_EQ(inference_error("attention %q, %q, %q {mask=true, scale=1.0}"),
            "attention: names 4 operands by 'lengths', 'bias', 'mask' and 'salt', got 3");
  EXPECT_EQ(inference_error("attention %q, %q, %q, %i {salt=true, scale=1.0}"),
            "attention: a salt is for dropout, which takes 'rate' and 'key'");
  EXPECT_EQ(inference_error("attention %q, %q, %q {rate=0.5, scale=1.0}"),
            "attention: dropout takes both 'rate' and 'key'");
}

}  // namespace
}  // namespace sinter::graph
