#pragma once

#include <string_view>

#include "frontend/trace/trace.h"

// Indices along one axis, for each element, as places in a tensor laid out flat.
namespace sinter {

// The places of `indices`, which count along `axis` of `shape`, in a tensor of that shape laid out flat; an
// index out of range fails the call.
graph::Value flat_places(graph::Builder& b, std::string_view what, graph::Value indices,
                         const graph::Shape& shape, int64_t axis);

// Throws Error where `indices` are no integers, or differ from x in another axis.
void check_along(const Pin& pin, const Tensor& x, const Tensor& indices, int64_t axis);

}  // namespace sinter
