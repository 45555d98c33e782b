#pragma once

#include <memory>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Gives a contract whose only use is a transpose, or elementwise ops and then a transpose, the letters of the
// transposed result. Unlike the rules this looks at who uses a value. Where elementwise ops stand
// between, the contract is transposed back before them, and the rules bring the two transposes together.
//
//   %1 = contract %a, %b {dims="mk,kn->mn"}     %1 = contract %a, %b {dims="mk,kn->nm"}
//   %2 = transpose %1 {permutation=[1,0]}
void absorb_transposes_of_contracts(graph::Function& function);

}  // namespace sinter::passes
