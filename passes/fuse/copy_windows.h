#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// A contraction that sums over the places of windows, the gradient of a convolution's kernel, takes elements
// side by side that lie in different windows: no loop over them reads memory in order. It gets a copy of the
// windows, with the places last, where that is not too large. Any contraction of windows of what is padded
// gets the padded tensor as a copy, whose elements are all there.
//
//   %0 = window %x {axis=1,size=3,...}           %0 = window %x {axis=1,size=3,...}      // %x: f32[32,10]
//   %1 = contract %g, %0 {dims="bo,boi->i"}  =>  %1 = kernel %0 {anchor="map"} (... transpose ...)  //
//   f32[32,3,8]
//                                                %2 = contract %g, %1 {dims="bo,bio->i"}
void copy_windows(graph::Module& module, graph::Function& function);

}  // namespace sinter::passes
