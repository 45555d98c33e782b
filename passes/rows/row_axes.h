#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Where the rows of a batch lie in an output.
struct RowAxis {
  std::optional<size_t> axis;  // each row has as many elements of it; none: it is not made row by row
  std::string why_not;         // then: "reduce_sum (model.cc:12)"
};

// For each output of a function whether row i of it is made of row i of the batch and of nothing that depends
// on another row or on where in the batch a row stands: then the batch may be cut, padded and put in another
// order. The batch is the leading axis, of `rows` elements, of those parameters that `of_rows` says. It is at
// least 2: views of a batch of 1 do not tell which axis is which.
//   needs  a verified module; it may have gradients
//
//   func @f(%x: f32[8,3], %w: f32[3,4])
//     %0 = contract %x, %w {dims="bi,ij->bj"}    rows along axis 0
//     %1 = reshape %0 {shape=[2,4,4]}            none: two rows of it are four of the batch
//     %2 = reduce_sum %0 {axes=[1]}              rows along axis 0
//     %3 = reduce_sum %0 {axes=[0]}              none
//
// What is drawn at random is of no row. Scatters, and scans over the batch itself, are taken to mix rows.
std::vector<RowAxis> row_axes(const graph::Module& module, std::string_view function,
                              const std::vector<bool>& of_rows, int64_t rows);

}  // namespace sinter::passes
