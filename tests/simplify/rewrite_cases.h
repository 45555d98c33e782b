#pragma once

#include <string_view>

namespace sinter::test {

// A graph for one rule: its parameters, and its body with the output %y.
struct RewriteCase {
  std::string_view rule;
  bool applies;
  std::string_view parameters;
  std::string_view body;
};

inline constexpr RewriteCase kElementwiseCases[] = {
    {"fold_constants", true, "", R"(
      %a: f32[2,3] = constant {dtype=f32,shape=[2,3],value=2.5}
      %b: f32[2,3] = constant {dtype=f32,shape=[2,3],value=-0.3}
      %y: f32[2,3] = div %a, %b)"},
    {"fold_constants", true, "", R"(
      %a: i32[2] = constant {dtype=i32,shape=[2],value=2147483647}
      %b: i32[2] = constant {dtype=i32,shape=[2],value=3}
      %y: i32[2] = mul %a, %b)"},
    {"fold_constants", true, "", R"(
      %a: f32[2] = constant {dtype=f32,shape=[2],value=nan}
      %y: i32[2] = cast %a {dtype=i32})"},
    {"fold_constants", true, "", R"(
      %c: bool[2] = constant {dtype=bool,shape=[2],value=0}
      %a: f32[2] = constant {dtype=f32,shape=[2],value=1.0}
      %b: f32[2] = constant {dtype=f32,shape=[2],value=-0.0}
      %y: f32[2] = select %c, %a, %b)"},
    {"fold_constants", false, "", R"(
      %a: f32[2] = constant {dtype=f32,shape=[2],values=[1.0,2.0]}
      %y: f32[2] = neg %a)"},
    {"cast_of_table", true, "", R"(
      %a: f64[4] = constant {dtype=f64,shape=[4],values=[0.1,-0.0,inf,1e300]}
      %y: f32[4] = cast %a {dtype=f32})"},
    {"cast_of_table", true, "", R"(
      %a: f32[2,2] = constant {dtype=f32,shape=[2,2],values=[0.1,-2.5,nan,3e9]}
      %y: i32[2,2] = cast %a {dtype=i32})"},
    {"cast_of_table", true, "", R"(
      %a: i64[3] = constant {dtype=i64,shape=[3],values=[1,-3,16777217]}
      %y: f32[3] = cast %a {dtype=f32})"},
    {"cast_of_table", false, "", R"(
      %a: f32[2] = constant {dtype=f32,shape=[2],values=[1.0,2.0]}
      %y: bf16[2] = cast %a {dtype=bf16})"},
    {"cast_to_own_type", true, "%x: f32[3]", "%y: f32[3] = cast %x {dtype=f32}"},
    {"cast_to_own_type", false, "%x: f32[3]", "%y: f64[3] = cast %x {dtype=f64}"},
    {"division_by_power_of_two", true, "%x: f32[40]", R"(
      %c: f32[40] = constant {dtype=f32,shape=[40],value=64.0}
      %y: f32[40] = div %x, %c)"},
    {"division_by_power_of_two", true, "%x: f64[40]", R"(
      %c: f64[40] = constant {dtype=f64,shape=[40],value=-0.125}
      %y: f64[40] = div %x, %c)"},
    {"division_by_power_of_two", false, "%x: f32[40]", R"(
      %c: f32[40] = constant {dtype=f32,shape=[40],value=1.7014118346046923e+38}
      %y: f32[40] = div %x, %c)"},
    {"division_by_power_of_two", false, "%x: f32[40]", R"(
      %c: f32[40] = constant {dtype=f32,shape=[40],value=3.0}
      %y: f32[40] = div %x, %c)"},
    {"elementwise_of_choice", true, "%c: bool[5]", R"(
      %a: f32[5] = constant {dtype=f32,shape=[5],value=1.0}
      %b: f32[5] = constant {dtype=f32,shape=[5],value=2.0}
      %s: f32[5] = select %c, %a, %b
      %y: f32[5] = sub %b, %s)"},
    {"elementwise_of_choice", false, "%c: bool[5], %x: f32[5]", R"(
      %b: f32[5] = constant {dtype=f32,shape=[5],value=2.0}
      %s: f32[5] = select %c, %x, %b
      %y: f32[5] = neg %s)"},
    {"elementwise_of_broadcasts", true, "%a: f32[], %b: f32[]", R"(
      %1: f32[2,3] = broadcast %a {dims=[],shape=[2,3]}
      %2: f32[2,3] = broadcast %b {dims=[],shape=[2,3]}
      %y: f32[2,3] = div %1, %2)"},
    {"elementwise_of_broadcasts", true, "%a: f32[3], %b: f32[2]", R"(
      %1: f32[2,4,3] = broadcast %a {dims=[2],shape=[2,4,3]}
      %2: f32[2,4,3] = broadcast %b {dims=[0],shape=[2,4,3]}
      %y: bool[2,4,3] = less %1, %2)"},
    {"elementwise_of_broadcasts", true, "%a: f32[3,1], %c: bool[3]", R"(
      %1: f32[3,4] = broadcast %a {dims=[0,1],shape=[3,4]}
      %2: bool[3,4] = broadcast %c {dims=[0],shape=[3,4]}
      %3: f32[3,4] = constant {dtype=f32,shape=[3,4],value=2.0}
      %y: f32[3,4] = select %2, %1, %3)"},
    {"elementwise_of_broadcasts", false, "%a: f32[3], %x: f32[2,3]", R"(
      %1: f32[2,3] = broadcast %a {dims=[1],shape=[2,3]}
      %y: f32[2,3] = mul %1, %x)"},
    {"elementwise_of_broadcasts", false, "%a: f32[3], %b: f32[2]", R"(
      %1: f32[2,3] = broadcast %a {dims=[1],shape=[2,3]}
      %2: f32[2,3] = broadcast %b {dims=[0],shape=[2,3]}
      %y: f32[2,3] = mul %1, %2)"},
    {"elementwise_of_reshapes", true, "%a: f32[6,4], %b: f32[6,4]", R"(
      %1: f32[2,3,4] = reshape %a {shape=[2,3,4]}
      %2: f32[2,3,4] = reshape %b {shape=[2,3,4]}
      %y: f32[2,3,4] = add %1, %2)"},
    {"elementwise_of_reshapes", true, "%a: f32[6,4], %b: f32[4]", R"(
      %1: f32[2,3,4] = reshape %a {shape=[2,3,4]}
      %2: f32[2,3,4] = broadcast %b {dims=[2],shape=[2,3,4]}
      %y: f32[2,3,4] = sub %2, %1)"},
    {"elementwise_of_reshapes", true, "%a: f32[2,12], %b: f32[2]", R"(
      %1: f32[2,3,4] = reshape %a {shape=[2,3,4]}
      %2: f32[2,3,4] = broadcast %b {dims=[0],shape=[2,3,4]}
      %3: f32[2,3,4] = div %1, %2
      %y: bool[2,3,4] = is_finite %3)"},
    {"elementwise_of_reshapes", false, "%a: f32[6,4], %b: f32[3,4]", R"(
      %1: f32[2,3,4] = reshape %a {shape=[2,3,4]}
      %2: f32[2,3,4] = broadcast %b {dims=[1,2],shape=[2,3,4]}
      %y: f32[2,3,4] = add %1, %2)"},
    {"elementwise_of_reshapes", false, "%a: f32[6,4], %b: f32[2,12]", R"(
      %1: f32[2,3,4] = reshape %a {shape=[2,3,4]}
      %2: f32[2,3,4] = reshape %b {shape=[2,3,4]}
      %y: f32[2,3,4] = add %1, %2)"},
    {"elementwise_of_transposes", true, "%a: f32[2,3,4], %b: f32[2,3,4]", R"(
      %1: f32[4,2,3] = transpose %a {permutation=[2,0,1]}
      %2: f32[4,2,3] = transpose %b {permutation=[2,0,1]}
      %y: f32[4,2,3] = max %1, %2)"},
    {"elementwise_of_transposes", true, "%a: f32[2,3,4], %b: f32[4]", R"(
      %1: f32[4,2,3] = transpose %a {permutation=[2,0,1]}
      %2: f32[4,2,3] = broadcast %b {dims=[0],shape=[4,2,3]}
      %y: f32[4,2,3] = mul %1, %2)"},
    {"elementwise_of_transposes", false, "%a: f32[3,3], %b: f32[3,3]", R"(
      %1: f32[3,3] = transpose %a {permutation=[1,0]}
      %y: f32[3,3] = add %1, %b)"},
    {"elementwise_of_transposes", false, "%a: f32[3,3,3], %b: f32[3,3,3]", R"(
      %1: f32[3,3,3] = transpose %a {permutation=[1,2,0]}
      %2: f32[3,3,3] = transpose %b {permutation=[2,0,1]}
      %y: f32[3,3,3] = add %1, %2)"},
    {"elementwise_of_transposes", false, "%a: f32[3,4], %b: f32[4,3]", R"(
      %1: f32[4,3] = transpose %a {permutation=[1,0]}
      %2: f32[4,3] = broadcast %b {dims=[0,1],shape=[4,3]}
      %y: f32[4,3] = add %1, %2)"},
};

inline constexpr RewriteCase kReductionCases[] = {
    {"reduction_over_units", true, "%x: f32[3,1,4]", "%y: f32[3,4] = reduce_max %x {axes=[1]}"},
    {"reduction_over_units", true, "%x: f32[3,1,4]", "%y: f32[4] = reduce_sum %x {axes=[0,1]}"},
    {"reduction_over_units", true, "%x: f32[3,1,4]", "%y: f32[3,1,4] = reduce_min %x {axes=[]}"},
    {"reduction_over_units", true, "%x: f32[3,4,1,1]", "%y: f32[3,1,1] = reduce_sum %x {axes=[1]}"},
    {"reduction_over_units", false, "%x: f32[3,1,4]", "%y: f32[1,4] = reduce_sum %x {axes=[0]}"},
    {"reduction_over_units", false, "%x: f32[3,1,4,1]", "%y: f32[1,4,1] = reduce_sum %x {axes=[0]}"},
    {"argmax_of_one", true, "%x: f32[3,1,4]", "%y: i32[3,4] = argmax %x {axes=[1]}"},
    {"argmax_of_one", true, "%x: f32[3]", "%y: i32[3] = argmax %x {axes=[]}"},
    {"argmax_of_one", false, "%x: f32[3,1,4]", "%y: i32[4] = argmax %x {axes=[0,1]}"},
    {"reduction_of_splat", true, "", R"(
      %x: f32[3,4] = constant {dtype=f32,shape=[3,4],value=0.5}
      %y: f32[3] = reduce_sum %x {axes=[1]})"},
    {"reduction_of_splat", true, "", R"(
      %x: i32[3,4] = constant {dtype=i32,shape=[3,4],value=2000000000}
      %y: i32[] = reduce_sum %x {axes=[0,1]})"},
    {"sum_of_nothing", true, "%x: f32[3,0]", "%y: f32[3] = reduce_sum %x {axes=[1]}"},
    {"sum_of_nothing", true, "%x: i32[0,3]", "%y: i32[3] = reduce_sum %x {axes=[0]}"},
    {"sum_of_nothing", true, "%x: f32[2,0], %w: f32[0,3]",
     "%y: f32[2,3] = contract %x, %w {dims=\"mk,kn->mn\"}"},
    {"sum_of_nothing", false, "%x: f32[3,1]", "%y: f32[3] = reduce_sum %x {axes=[1]}"},
    {"sum_of_nothing", false, "%x: f32[2,1], %w: f32[1,3]",
     "%y: f32[2,3] = contract %x, %w {dims=\"mk,kn->mn\"}"},
    {"reduction_of_splat", true, "", R"(
      %x: f32[3,0] = constant {dtype=f32,shape=[3,0],value=inf}
      %y: f32[3] = reduce_sum %x {axes=[1]})"},
    {"reduction_of_splat", true, "", R"(
      %x: bool[3,4] = constant {dtype=bool,shape=[3,4],value=1}
      %y: bool[4] = reduce_min %x {axes=[0]})"},
    {"reduction_of_splat", false, "", R"(
      %x: f32[3,0] = constant {dtype=f32,shape=[3,0],value=1.0}
      %y: f32[3] = reduce_max %x {axes=[1]})"},
    {"reduction_of_broadcast", true, "%x: f32[3]", R"(
      %1: f32[2,3,5] = broadcast %x {dims=[1],shape=[2,3,5]}
      %y: f32[3] = reduce_sum %1 {axes=[0,2]})"},
    {"reduction_of_broadcast", true, "%x: f32[3,4]", R"(
      %1: f32[2,3,4,5] = broadcast %x {dims=[1,2],shape=[2,3,4,5]}
      %y: f32[2,4] = reduce_sum %1 {axes=[1,3]})"},
    {"reduction_of_broadcast", true, "%x: f32[3]", R"(
      %1: f32[2,3] = broadcast %x {dims=[1],shape=[2,3]}
      %y: f32[] = reduce_max %1 {axes=[0,1]})"},
    {"reduction_of_broadcast", true, "%x: i64[3]", R"(
      %1: i64[2,3] = broadcast %x {dims=[1],shape=[2,3]}
      %y: i64[3] = reduce_sum %1 {axes=[0]})"},
    {"reduction_of_broadcast", false, "%x: f32[3]", R"(
      %1: f32[2,3] = broadcast %x {dims=[1],shape=[2,3]}
      %y: f32[2] = reduce_sum %1 {axes=[1]})"},
    {"reduction_of_reshape", true, "%x: f32[6,4]", R"(
      %1: f32[2,3,4] = reshape %x {shape=[2,3,4]}
      %y: f32[4] = reduce_sum %1 {axes=[0,1]})"},
    {"reduction_of_reshape", true, "%x: f32[2,3,4]", R"(
      %1: f32[6,2,2] = reshape %x {shape=[6,2,2]}
      %y: f32[6] = reduce_max %1 {axes=[1,2]})"},
    {"reduction_of_reshape", true, "%x: f32[6,4]", R"(
      %1: f32[2,3,1,4] = reshape %x {shape=[2,3,1,4]}
      %y: f32[2,3] = reduce_min %1 {axes=[2,3]})"},
    {"reduction_of_reshape", false, "%x: f32[6,4]", R"(
      %1: f32[2,3,4] = reshape %x {shape=[2,3,4]}
      %y: f32[2,4] = reduce_sum %1 {axes=[1]})"},
    {"reduction_of_transpose", true, "%x: f32[2,3,4]", R"(
      %1: f32[4,3,2] = transpose %x {permutation=[2,1,0]}
      %y: f32[4,2] = reduce_sum %1 {axes=[1]})"},
    {"reduction_of_transpose", true, "%x: f32[2,3,4,5]", R"(
      %1: f32[4,2,5,3] = transpose %x {permutation=[2,0,3,1]}
      %y: f32[2,3] = reduce_max %1 {axes=[0,2]})"},
};

inline constexpr RewriteCase kContractCases[] = {
    {"contract_of_transposes", true, "%a: f32[4,2,3], %b: f32[5,3]", R"(
      %1: f32[2,3,4] = transpose %a {permutation=[1,2,0]}
      %2: f32[3,5] = transpose %b {permutation=[1,0]}
      %y: f32[2,5,4] = contract %1, %2 {dims="bki,kj->bji"})"},
    {"contract_of_broadcasts", true, "%a: f32[3,4], %b: f32[2,4,5]", R"(
      %1: f32[2,3,4] = broadcast %a {dims=[1,2],shape=[2,3,4]}
      %y: f32[2,3,5] = contract %1, %b {dims="bik,bkj->bij"})"},
    {"contract_of_broadcasts", true, "%a: f32[4], %b: f32[4,5]", R"(
      %1: f32[3,4] = broadcast %a {dims=[1],shape=[3,4]}
      %2: f32[4,5,2] = broadcast %b {dims=[0,1],shape=[4,5,2]}
      %y: f32[5,3,2] = contract %1, %2 {dims="ik,kjl->jil"})"},
    {"contract_of_broadcasts", false, "%a: f32[3], %b: f32[4,5]", R"(
      %1: f32[3,4] = broadcast %a {dims=[0],shape=[3,4]}
      %y: f32[3,5] = contract %1, %b {dims="ik,kj->ij"})"},
    {"contract_of_number", true, "%a: f32[], %b: f32[5,4,3]", R"(
      %1: f32[3,4] = broadcast %a {dims=[],shape=[3,4]}
      %y: f32[5] = contract %1, %b {dims="ik,jki->j"})"},
    {"contract_of_number", true, "%b: f32[2,4,5]", R"(
      %1: f32[4] = constant {dtype=f32,shape=[4],value=0.25}
      %y: f32[5,2] = contract %b, %1 {dims="bkj,k->jb"})"},
    {"contract_of_number", true, "%b: i64[4]", R"(
      %1: i64[4] = constant {dtype=i64,shape=[4],value=3}
      %y: i64[] = contract %b, %1 {dims="k,k->"})"},
    {"contract_of_number", false, "%a: f32[3], %b: f32[4,5]", R"(
      %1: f32[3,4] = broadcast %a {dims=[0],shape=[3,4]}
      %y: f32[3,5] = contract %1, %b {dims="ik,kj->ij"})"},
    {"contract_over_units", true, "%a: f32[1,3,1], %b: f32[1,1,5]", R"(
      %y: f32[3,1,5] = contract %a, %b {dims="bik,bkj->ibj"})"},
    {"contract_over_units", false, "%a: f32[3,2], %b: f32[2,5]", R"(
      %y: f32[3,5] = contract %a, %b {dims="ik,kj->ij"})"},
    {"contract_without_sum", true, "%a: f32[3,2], %b: f32[4,2]", R"(
      %y: f32[2,4,3] = contract %a, %b {dims="ib,jb->bji"})"},
    {"contract_without_sum", true, "%a: f32[], %b: f32[4]", R"(
      %y: f32[4] = contract %a, %b {dims=",j->j"})"},
    {"contract_without_sum", false, "%a: f32[3,2], %b: f32[4,2]", R"(
      %y: f32[4,3] = contract %a, %b {dims="ib,jb->ji"})"},
    {"contract_of_adjacent_letters", true, "%a: f32[2,3,4], %b: f32[4,5]", R"(
      %y: f32[2,3,5] = contract %a, %b {dims="btk,kn->btn"})"},
    {"contract_of_adjacent_letters", true, "%a: f32[2,3,4], %b: f32[2,3,5]", R"(
      %y: f32[4,5] = contract %a, %b {dims="btk,btn->kn"})"},
    {"contract_of_adjacent_letters", true, "%a: f32[2,3,4,5], %b: f32[2,3,6,5]", R"(
      %y: f32[2,3,4,6] = contract %a, %b {dims="bhqw,bhkw->bhqk"})"},
    {"contract_of_adjacent_letters", false, "%a: f32[2,3,4], %b: f32[3,2,5]", R"(
      %y: f32[4,5] = contract %a, %b {dims="btk,tbn->kn"})"},
    {"contract_of_adjacent_letters", false, "%a: f32[2,3,4], %b: f32[4,5]", R"(
      %y: f32[3,2,5] = contract %a, %b {dims="btk,kn->tbn"})"},
};

inline constexpr RewriteCase kViewCases[] = {
    {"view_of_splat", true, "", R"(
      %x: f32[2,3] = constant {dtype=f32,shape=[2,3],value=2.0}
      %y: f32[3,2] = transpose %x {permutation=[1,0]})"},
    {"view_of_splat", true, "", R"(
      %x: f32[6] = constant {dtype=f32,shape=[6],value=-0.0}
      %y: f32[4,2] = window %x {axis=0,dilation=2,size=2,stride=1})"},
    {"view_of_splat", false, "", R"(
      %x: f32[2] = constant {dtype=f32,shape=[2],values=[1.0,2.0]}
      %y: f32[3,2] = broadcast %x {dims=[1],shape=[3,2]})"},
    {"iota_of_axes", true, "", "%y: i32[2,5,3] = iota {axis=1,dtype=i32,shape=[2,5,3]}"},
    {"iota_of_axes", true, "", "%y: f32[2,1,3] = iota {axis=1,dtype=f32,shape=[2,1,3]}"},
    {"iota_of_axes", false, "", "%y: i32[5] = iota {axis=0,dtype=i32,shape=[5]}"},
    {"reshape_to_itself", true, "%x: f32[2,3]", "%y: f32[2,3] = reshape %x {shape=[2,3]}"},
    {"reshape_to_itself", false, "%x: f32[2,3]", "%y: f32[3,2] = reshape %x {shape=[3,2]}"},
    {"reshape_of_broadcast", true, "%x: f32[4]", R"(
      %1: f32[2,3,4] = broadcast %x {dims=[2],shape=[2,3,4]}
      %y: f32[6,2,2] = reshape %1 {shape=[6,2,2]})"},
    {"reshape_of_broadcast", true, "%x: f32[3,4]", R"(
      %1: f32[2,3,1,4] = broadcast %x {dims=[1,3],shape=[2,3,1,4]}
      %y: f32[2,12] = reshape %1 {shape=[2,12]})"},
    {"reshape_of_broadcast", true, "%x: f32[1,4]", R"(
      %1: f32[3,4] = broadcast %x {dims=[0,1],shape=[3,4]}
      %y: f32[3,2,2] = reshape %1 {shape=[3,2,2]})"},
    {"reshape_of_broadcast", false, "%x: f32[3,4]", R"(
      %1: f32[2,3,4] = broadcast %x {dims=[1,2],shape=[2,3,4]}
      %y: f32[6,4] = reshape %1 {shape=[6,4]})"},
    {"transpose_of_units", true, "%x: f32[2,1,3]", "%y: f32[1,2,3] = transpose %x {permutation=[1,0,2]}"},
    {"transpose_of_units", true, "%x: f32[2,3]", "%y: f32[2,3] = transpose %x {permutation=[0,1]}"},
    {"transpose_of_units", false, "%x: f32[2,1,3]", "%y: f32[3,1,2] = transpose %x {permutation=[2,1,0]}"},
    {"transpose_of_transpose", true, "%x: f32[2,3,4]", R"(
      %1: f32[4,2,3] = transpose %x {permutation=[2,0,1]}
      %y: f32[2,4,3] = transpose %1 {permutation=[1,0,2]})"},
    {"transpose_of_transpose", true, "%x: f32[2,3,4]", R"(
      %1: f32[4,2,3] = transpose %x {permutation=[2,0,1]}
      %y: f32[2,3,4] = transpose %1 {permutation=[1,2,0]})"},
    {"transpose_of_broadcast", true, "%x: f32[3]", R"(
      %1: f32[2,3] = broadcast %x {dims=[1],shape=[2,3]}
      %y: f32[3,2] = transpose %1 {permutation=[1,0]})"},
    {"transpose_of_broadcast", true, "%x: f32[3,4]", R"(
      %1: f32[2,3,4] = broadcast %x {dims=[1,2],shape=[2,3,4]}
      %y: f32[4,2,3] = transpose %1 {permutation=[2,0,1]})"},
    {"broadcast_of_same_size", true, "%x: f32[3,4]",
     "%y: f32[3,1,4] = broadcast %x {dims=[0,2],shape=[3,1,4]}"},
    {"broadcast_of_same_size", true, "%x: f32[3]", "%y: f32[3] = broadcast %x {dims=[0],shape=[3]}"},
    {"broadcast_of_same_size", false, "%x: f32[3]", "%y: f32[2,3] = broadcast %x {dims=[1],shape=[2,3]}"},
    {"broadcast_of_units", true, "%x: f32[3,1]", "%y: f32[3,4] = broadcast %x {dims=[0,1],shape=[3,4]}"},
    {"broadcast_of_units", true, "%x: f32[1,1]", "%y: f32[3,4,1] = broadcast %x {dims=[1,2],shape=[3,4,1]}"},
    {"broadcast_of_broadcast", true, "%x: f32[3]", R"(
      %1: f32[2,3] = broadcast %x {dims=[1],shape=[2,3]}
      %y: f32[2,4,3] = broadcast %1 {dims=[0,2],shape=[2,4,3]})"},
    {"slice_of_everything", true, "%x: f32[3]", "%y: f32[3] = slice %x {limit=[3],start=[0],stride=[1]}"},
    {"slice_of_everything", false, "%x: f32[3]", "%y: f32[2] = slice %x {limit=[3],start=[0],stride=[2]}"},
    {"slice_of_slice", true, "%x: f32[20]", R"(
      %1: f32[6] = slice %x {limit=[19],start=[2],stride=[3]}
      %y: f32[3] = slice %1 {limit=[6],start=[1],stride=[2]})"},
    {"slice_of_concat", true, "%a: f32[2,3], %b: f32[2,4]", R"(
      %1: f32[2,7] = concat %a, %b {axis=1}
      %y: f32[1,2] = slice %1 {limit=[2,7],start=[1,4],stride=[1,2]})"},
    {"slice_of_concat", false, "%a: f32[3], %b: f32[4]", R"(
      %1: f32[7] = concat %a, %b {axis=0}
      %y: f32[2] = slice %1 {limit=[4],start=[2],stride=[1]})"},
    {"slice_of_broadcast", true, "%x: f32[5]", R"(
      %1: f32[3,5] = broadcast %x {dims=[1],shape=[3,5]}
      %y: f32[2,2] = slice %1 {limit=[3,4],start=[1,1],stride=[1,2]})"},
    {"slice_of_broadcast", false, "%x: f32[1]", R"(
      %1: f32[5] = broadcast %x {dims=[0],shape=[5]}
      %y: f32[2] = slice %1 {limit=[4],start=[1],stride=[2]})"},
    {"slice_of_pad", true, "%x: f32[5]", R"(
      %1: f32[9] = pad %x {high=[1],interior=[0],low=[3],value=7.0}
      %y: f32[2] = slice %1 {limit=[7],start=[4],stride=[2]})"},
    {"slice_of_pad", false, "%x: f32[5]", R"(
      %1: f32[9] = pad %x {high=[1],interior=[0],low=[3],value=7.0}
      %y: f32[3] = slice %1 {limit=[7],start=[2],stride=[2]})"},
    {"slice_of_pad", false, "%x: f32[3]", R"(
      %1: f32[5] = pad %x {high=[0],interior=[1],low=[0],value=7.0}
      %y: f32[3] = slice %1 {limit=[3],start=[0],stride=[1]})"},
    {"pad_by_nothing", true, "%x: f32[3]", "%y: f32[3] = pad %x {high=[0],interior=[0],low=[0],value=7.0}"},
    {"pad_by_nothing", true, "%x: f32[1]", "%y: f32[1] = pad %x {high=[0],interior=[4],low=[0],value=7.0}"},
    {"pad_by_nothing", false, "%x: f32[3]", "%y: f32[4] = pad %x {high=[0],interior=[0],low=[1],value=7.0}"},
    {"pad_of_splat", true, "", R"(
      %x: f32[3] = constant {dtype=f32,shape=[3],value=7.0}
      %y: f32[5] = pad %x {high=[1],interior=[0],low=[1],value=7.0})"},
    {"pad_of_splat", false, "", R"(
      %x: f32[3] = constant {dtype=f32,shape=[3],value=-0.0}
      %y: f32[5] = pad %x {high=[1],interior=[0],low=[1],value=0.0})"},
    {"concat_of_few", true, "%a: f32[2,3]", "%y: f32[2,3] = concat %a {axis=1}"},
    {"concat_of_few", true, "%a: f32[2,3], %b: f32[2,0], %c: f32[2,1]",
     "%y: f32[2,4] = concat %a, %b, %c {axis=1}"},
    {"concat_of_few", true, "%a: f32[0], %b: f32[0]", "%y: f32[0] = concat %a, %b {axis=0}"},
    {"concat_of_few", false, "%a: f32[3], %b: f32[2]", "%y: f32[5] = concat %a, %b {axis=0}"},
    {"concat_of_concat", true, "%a: f32[2,3], %b: f32[2,1]", R"(
      %1: f32[2,4] = concat %a, %b {axis=1}
      %y: f32[2,5] = concat %b, %1 {axis=1})"},
    {"concat_of_concat", false, "%a: f32[2,3], %b: f32[2,1]", R"(
      %1: f32[2,4] = concat %a, %b {axis=1}
      %y: f32[4,4] = concat %1, %1 {axis=0})"},
    {"concat_of_splats", true, "", R"(
      %a: f32[3] = constant {dtype=f32,shape=[3],value=7.0}
      %b: f32[2] = constant {dtype=f32,shape=[2],value=7.0}
      %y: f32[5] = concat %a, %b {axis=0})"},
    {"concat_of_splats", false, "", R"(
      %a: f32[3] = constant {dtype=f32,shape=[3],value=0.0}
      %b: f32[2] = constant {dtype=f32,shape=[2],value=-0.0}
      %y: f32[5] = concat %a, %b {axis=0})"},
    {"reverse_of_units", true, "%x: f32[1,3,0]", "%y: f32[1,3,0] = reverse %x {axes=[0,1,2]}"},
    {"reverse_of_units", true, "%x: f32[1,3]", "%y: f32[1,3] = reverse %x {axes=[0]}"},
    {"reverse_of_units", false, "%x: f32[1,3]", "%y: f32[1,3] = reverse %x {axes=[1]}"},
};

}  // namespace sinter::test
