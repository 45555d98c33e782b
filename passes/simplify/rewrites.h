#pragma once

#include "passes/simplify/editor.h"

// The rules that take more than a line; rewrites.cc says what each does. Most push views towards the results:
// elementwise ops, reductions and contractions work on what lies under a view, and views that meet cancel.
namespace sinter::passes::rewrites {

using graph::Op;
using graph::Value;

// views.cc
Value reshape_to_itself(Editor& e, const Op& op);
Value reshape_of_broadcast(Editor& e, const Op& op);
Value transpose_of_units(Editor& e, const Op& op);
Value transpose_of_transpose(Editor& e, const Op& op);
Value transpose_of_broadcast(Editor& e, const Op& op);
Value broadcast_of_same_size(Editor& e, const Op& op);
Value broadcast_of_units(Editor& e, const Op& op);
Value broadcast_of_broadcast(Editor& e, const Op& op);
Value view_of_splat(Editor& e, const Op& op);
Value iota_of_axes(Editor& e, const Op& op);

// slices.cc
Value slice_of_everything(Editor& e, const Op& op);
Value slice_of_slice(Editor& e, const Op& op);
Value slice_of_concat(Editor& e, const Op& op);
Value slice_of_broadcast(Editor& e, const Op& op);
Value slice_of_pad(Editor& e, const Op& op);
Value pad_by_nothing(Editor& e, const Op& op);
Value pad_of_splat(Editor& e, const Op& op);
Value concat_of_few(Editor& e, const Op& op);
Value concat_of_concat(Editor& e, const Op& op);
Value concat_of_splats(Editor& e, const Op& op);
Value reverse_of_units(Editor& e, const Op& op);

// elementwise.cc
Value fold_constants(Editor& e, const Op& op);
Value cast_of_table(Editor& e, const Op& op);
Value cast_to_own_type(Editor& e, const Op& op);
Value division_by_power_of_two(Editor& e, const Op& op);
Value elementwise_of_choice(Editor& e, const Op& op);
Value elementwise_of_broadcasts(Editor& e, const Op& op);
Value elementwise_of_reshapes(Editor& e, const Op& op);
Value elementwise_of_transposes(Editor& e, const Op& op);

// reductions.cc
Value reduction_over_units(Editor& e, const Op& op);
Value argmax_of_one(Editor& e, const Op& op);
Value sum_of_nothing(Editor& e, const Op& op);
Value reduction_of_splat(Editor& e, const Op& op);
Value reduction_of_broadcast(Editor& e, const Op& op);
Value reduction_of_reshape(Editor& e, const Op& op);
Value reduction_of_transpose(Editor& e, const Op& op);

// contractions.cc
Value contract_of_transposes(Editor& e, const Op& op);
Value contract_of_broadcasts(Editor& e, const Op& op);
Value contract_of_number(Editor& e, const Op& op);
Value contract_over_units(Editor& e, const Op& op);
Value contract_without_sum(Editor& e, const Op& op);
Value contract_of_adjacent_letters(Editor& e, const Op& op);

// x, a broadcast, looked at in another shape, where that is a broadcast too.
Value reshaped_broadcast(Editor& e, const Op& x, const graph::Shape& shape);
bool can_reshape_broadcast(const Op& x, const graph::Shape& shape);

}  // namespace sinter::passes::rewrites
