#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// Removes work that is not needed and brings the rest to one form, for the passes that look for shapes of
// graphs: what is computed twice is computed once, constants are folded, local rules (rules.cc, rewrites.cc)
// applied, views pushed towards results until they cancel, contractions left with few letters and without
// transposes, dead code removed. docs/passes.md has more.
//   needs   any verified module
//   leaves  the same values up to rounding; no call but those with `checkpoint` or `vjp`; no stop_gradient
//           where no grad is left, unless the argument `keep_stop_gradient` says that one will come
//
//   %0 = transpose %w {permutation=[1,0]}      %0 = reshape %x {shape=[320,64]}
//   %1 = contract %x, %0 {dims="btk,kn->btn"}  %1 = contract %0, %w {dims="bk,nk->bn"}
//   %2 = constant {value=1.0}                  %2 = reshape %1 {shape=[32,10,64]}
//   %3 = broadcast %2 {...}                    return y=%2
//   %4 = mul %1, %3
//   return y=%4
void simplify(graph::Module& module, const std::vector<std::string>& arguments = {});

// Applies the one rule of that name wherever it matches, once an op; what is equal is merged. How often.
int apply_rule(graph::Module& module, std::string_view name);

}  // namespace sinter::passes
