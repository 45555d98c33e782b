#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// Puts a check_finite on every floating value that is written to a state, and on every one that a function
// returns which no other function runs. Nothing reads what it checks, so that all else becomes what it would
// be without.
//
//   write %1 {state="w"}           %2 = check_finite %1 {what="state 'w'"}
//   return loss=%0                 write %1 {state="w"}
//                                  %3 = check_finite %0 {what="output 'loss'"}
//                                  return loss=%0
void check_numerics(graph::Module& module);

}  // namespace sinter::passes
