#pragma once

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// Graph -> Graph: puts ops in the order in which a program does them, and makes each copy that this takes a
// kernel, with a choice of how its loops are made. Needs functions whose work is in kernels.
//
// A kernel that writes state comes after all that reads the old value and has nothing to do with writers, and
// after the checks that can be made before; so far up as that allows, so that what it reads need not be kept
// for long. What it makes is written in place, where every other reader of the old value comes before, the
// kernel itself reads it element by element, and no check comes after; else it is copied to the state at the
// end. Of a dynamic_update in place only the
// block is written: its kernel becomes one of the anchor `update`. A loop's carries are copies of what it
// begins with, and its body ends with copies of the next ones.
//
//   %0 = read {state="w"}          %0 = read {state="w"}
//   %1 = kernel %0 (transposed)     %2 = kernel %0 (summed)
//   write %1 {state="w"}           %1 = kernel %0 (transposed)
//   %2 = kernel %0 (summed)        %3 = kernel %1 (as it is)
//   return %2                      write %3 {state="w"}
//                                  return %2
//
// Leaves functions every write and carry of which is made by a kernel, so that it can lie where it belongs
// from the start: what `place` needs.
void order(graph::Module& module, const loop::Target& target);

}  // namespace sinter::passes
