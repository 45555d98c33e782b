#pragma once

#include <sinter/program.h>

#include <string>
#include <vector>

// Sizes for the Dims of a function's inputs.
namespace sinter {

// Why bound(size) has no value: "batch/2 is no extent where batch = 7".
std::string no_extent(const Extent& extent, int64_t size);

bool has_dim(const std::vector<Input>& inputs, const Dim& dim);

// The Dim that leads the first input which one leads; null where none does.
const Dim* leading_dim(const std::vector<Input>& inputs);

// The shape of an input. Throws Error, naming the function, where an extent is not whole. Every Dim has a
// size.
Shape bind_shape(const std::string& function, const Input& input, const DimSizes& sizes);

// A size for every Dim that is not `known`, from the first array whose extents have it. Throws Error where
// another array does not fit. Every input has its array.
DimSizes solve_dims(const std::string& function, const std::vector<Input>& inputs, const Arrays& arrays,
                    const DimSizes& known);

}  // namespace sinter
