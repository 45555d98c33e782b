#include "passes/simplify/rewrites.h"

#include "passes/simplify/rules.h"

namespace sinter::passes {
namespace {

using graph::OpCode;
using graph::OpKind;

#define SINTER_ROW(name, ops, ...) \
  { #name, ops, rewrites::name __VA_OPT__(, ) __VA_ARGS__ }
constexpr RewriteRule kRewriteRules[] = {
    // exp(2.0) -> 7.38...; also of constants of any shape that have one value
    SINTER_ROW(fold_constants, OpKind::elementwise),
    // cast(constant of f64) {dtype=f32} -> constant of f32, which a device without f64 has
    SINTER_ROW(cast_of_table, OpCode::cast),
    // cast x: f32 {dtype=f32} -> x
    SINTER_ROW(cast_to_own_type, OpCode::cast),
    // x / 64 -> x * (1/64), which is exact
    SINTER_ROW(division_by_power_of_two, OpCode::div),
    // f(select c, 1, 2) -> select c, f(1), f(2)
    SINTER_ROW(elementwise_of_choice, OpKind::elementwise),
    // f(broadcast a, broadcast b, splat) -> broadcast f(a, b, splat), on the axes that a or b has
    SINTER_ROW(elementwise_of_broadcasts, OpKind::elementwise),
    // f(reshape a, reshape b, splat) -> reshape f(a, b, splat), a and b of one shape; likewise f(reshape a,
    // broadcast b) where the broadcast can be made in the shape of a
    SINTER_ROW(elementwise_of_reshapes, OpKind::elementwise),
    // f(transpose a, transpose b, splat) -> transpose f(a, b, splat), for one permutation
    SINTER_ROW(elementwise_of_transposes, OpKind::elementwise),

    // reduce over no axes or axes of extent 1 -> reshape; of axes before some of extent 1 -> without those
    SINTER_ROW(reduction_over_units, OpKind::reduction, Note::rounds),
    // reduce_sum or contract of no terms -> 0
    SINTER_ROW(sum_of_nothing, OpCode::reduce_sum),
    SINTER_ROW(sum_of_nothing, OpCode::contract),
    // reduce_sum of 320 times 0.5 -> 160.0, rounded once
    SINTER_ROW(reduction_of_splat, OpKind::reduction, Note::rounds),
    // reduce_sum over 320 equal elements -> x * 320, rounded once; reduce_max over them -> x
    SINTER_ROW(reduction_of_broadcast, OpKind::reduction, Note::rounds),
    // reduce over axes that a reshape split from some axes -> reduce over those
    SINTER_ROW(reduction_of_reshape, OpKind::reduction, Note::rounds),
    // reduce(transpose x) -> transpose(reduce x), mostly without the transpose
    SINTER_ROW(reduction_of_transpose, OpKind::reduction, Note::rounds),

    // argmax over no axes or axes of extent 1 -> 0
    SINTER_ROW(argmax_of_one, OpCode::argmax),

    // iota along one axis of many -> broadcast(iota of that axis); of an axis of extent 1 -> 0
    SINTER_ROW(iota_of_axes, OpCode::iota),

    // contract(transpose a, b) -> contract(a, b) with other letters
    SINTER_ROW(contract_of_transposes, OpCode::contract, Note::rounds),
    // contract(broadcast a, b) -> without the letters that a lacks; broadcast afterwards where b lacks them
    SINTER_ROW(contract_of_broadcasts, OpCode::contract, Note::rounds),
    // contract(0.5, b), summed over all that the number has been spread over -> reduce_sum(b * 0.5)
    SINTER_ROW(contract_of_number, OpCode::contract, Note::rounds),
    // letters of extent 1 -> none
    SINTER_ROW(contract_over_units, OpCode::contract, Note::rounds),
    // "bm,bn->bmn" -> broadcasts and a product
    SINTER_ROW(contract_without_sum, OpCode::contract, Note::rounds),
    // "btk,kn->btn" -> reshape [b*t,k], "bk,kn->bn", reshape
    SINTER_ROW(contract_of_adjacent_letters, OpCode::contract, Note::rounds),

    // a reshape, transpose, broadcast, slice or window of a splat is a splat
    SINTER_ROW(view_of_splat, OpKind::view),
    // reshape x: f32[4] {shape=[4]} -> x
    SINTER_ROW(reshape_to_itself, OpCode::reshape),
    // reshape(broadcast x) -> broadcast(reshape x), where it mixes no axes of x with others
    SINTER_ROW(reshape_of_broadcast, OpCode::reshape),
    // a transpose that moves axes of extent 1 only -> reshape; one that moves none -> x
    SINTER_ROW(transpose_of_units, OpCode::transpose),
    SINTER_ROW(transpose_of_transpose, OpCode::transpose),
    // transpose(broadcast x) -> broadcast(x), or broadcast(transpose x) where axes of x change places
    SINTER_ROW(transpose_of_broadcast, OpCode::transpose),
    // a broadcast that adds axes of extent 1 only -> reshape
    SINTER_ROW(broadcast_of_same_size, OpCode::broadcast),
    // broadcast x: f32[4,1] -> broadcast(reshape x {shape=[4]})
    SINTER_ROW(broadcast_of_units, OpCode::broadcast),
    SINTER_ROW(broadcast_of_broadcast, OpCode::broadcast),

    SINTER_ROW(slice_of_everything, OpCode::slice),
    SINTER_ROW(slice_of_slice, OpCode::slice),
    // slice(concat a, b) inside of b -> slice(b)
    SINTER_ROW(slice_of_concat, OpCode::slice),
    // slice(broadcast x) -> broadcast(slice x)
    SINTER_ROW(slice_of_broadcast, OpCode::slice),
    // slice(pad x) that takes no padding -> slice(x)
    SINTER_ROW(slice_of_pad, OpCode::slice),
    SINTER_ROW(pad_by_nothing, OpCode::pad),
    // pad of a splat with the same value -> splat
    SINTER_ROW(pad_of_splat, OpCode::pad),
    // concat of one part, empty ones aside -> the part
    SINTER_ROW(concat_of_few, OpCode::concat),
    SINTER_ROW(concat_of_concat, OpCode::concat),
    SINTER_ROW(concat_of_splats, OpCode::concat),
    // reverse along axes of extent 0 or 1 -> not along them
    SINTER_ROW(reverse_of_units, OpCode::reverse),
};
#undef SINTER_ROW

}  // namespace

std::span<const RewriteRule> rewrite_rules() {
  return kRewriteRules;
}

}  // namespace sinter::passes
