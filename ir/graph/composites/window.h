#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph/builder.h"

// Windows along the spatial axes of x [batch,channels,spatial...].
namespace sinter::graph {

inline constexpr int64_t kFirstSpatial = 2;  // after batch and channels
// The letters of each spatial axis in a contraction: of the window's number, and of the place in the window.
inline constexpr std::string_view kWindowNumbers = "pqrstu", kWindowPlaces = "hijklm";

// [batch,channels,numbers...,places...]
Value spatial_windows(Builder& b, Value x, const std::vector<int64_t>& size,
                      const std::vector<int64_t>& stride, const std::vector<int64_t>& dilation);
// x itself where the padding, as much before as after each spatial axis, is 0.
Value spatial_pad(Builder& b, Value x, const std::vector<int64_t>& padding);

}  // namespace sinter::graph
