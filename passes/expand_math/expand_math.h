#pragma once

#include "ir/loop/program.h"

namespace sinter::passes {

// What elementary functions need to know of the machine that evaluates them.
struct MathTarget {
  bool has_fma = true;         // ScalarOp::fma is one instruction and rounds once
  bool splits_fma = false;     // ScalarOp::fma is to be a product and a sum, in f64 as well
  bool exact_division = true;  // f32 division and square root are correctly rounded; else within 2.5 ulp
};

// Loop -> Loop: replaces exp, expm1, log, log1p, sin, cos, tanh, erf, pow and rsqrt in f32 by arithmetic that
// vectorises: no branches, no calls. f64 is left to the backend. docs/math.md says how far each is from the
// true value. Without exact division rsqrt stays too: such machines have a better one of their own.
//
//   store y[i], exp(load x[i])   becomes   store y[i], mul(mul(fma(...), bitcast(...)), bitcast(...))
//
// Needs a machine that keeps denormal numbers, or loses only them; leaves no op of the list above in f32.
loop::Expr expand_math(const loop::Expr& x, const MathTarget& target);
loop::Stmt expand_math(const loop::Stmt& stmt, const MathTarget& target);
loop::Program expand_math(const loop::Program& program, const MathTarget& target);

}  // namespace sinter::passes
