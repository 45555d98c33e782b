#pragma once

#include <initializer_list>
#include <string_view>

#include "frontend/trace/trace.h"

// What layers and functions made from others take, said in their own name.
namespace sinter {

// An axis of any extent, shown by its name, or of a certain extent. "..." is any number of axes.
struct Axis {
  Axis(const char* any) : name(any) {}
  Axis(int64_t certain) : extent(certain) {}

  std::string_view name;
  int64_t extent = 0;
};

// Throws Error "Linear: takes x f32[...,7], got f32[4,8]" where `x`, called `what`, is another.
void check_takes(const Pin& call, std::string_view what, const Tensor& x, DType type,
                 std::initializer_list<Axis> axes);
// The same of a floating tensor of any shape, and of integers.
void check_floating(const Pin& call, std::string_view what, const Tensor& x);
void check_integers(const Pin& call, std::string_view what, const Tensor& x);

// The same of what broadcasts: "takes a mask that broadcasts to bool[2,1,4,4], got f32[4,4]".
void check_broadcasts(const Pin& call, std::string_view what, const Tensor& x, DType type,
                      const Shape& shape);

}  // namespace sinter
