#pragma once

#include <limits>
#include <numbers>

#include "ir/loop/expr.h"

namespace sinter::passes {

// The step of the online softmax (Milakov and Gimelshein, 2018). Of the scores of a row so far it knows the
// greatest, `most`, and `total`, the sum of their exponentials, which are shifted so that none overflows.
// With another score x:
//
//   most' = greater(most, x)    shift = shift_of(most')
//   total' = total * exponential(most, shift) + exponential(x, shift)
//
// The sums of what is weighted are scaled like `total`.
struct OnlineSoftmax {
  using Expr = loop::Expr;

  // The greatest of no scores.
  static constexpr double kNone = -std::numeric_limits<double>::infinity();

  // Of two, where `exists` holds. A NaN is not greater, but its exponential is NaN.
  static Expr greater(const Expr& most, const Expr& x, const Expr& exists = nullptr) {
    return loop::select(exists && most < x, x, most);
  }
  // A row of nothing but -inf has exponentials of zero.
  static Expr shift_of(const Expr& most) {
    return loop::select(has_scores(most), most, loop::constant(0, most->type));
  }
  static Expr exponential(const Expr& score, const Expr& shift) {
    return loop::apply(loop::ScalarOp::exp, {score - shift});
  }
  // The same by the instruction that GPUs have, where there is one.
  static Expr exponential_by_device(const Expr& score, const Expr& shift) {
    if (score->type != loop::Type::f32) return exponential(score, shift);
    const Expr log2_of_e = loop::constant(std::numbers::log2e, score->type);
    return loop::apply(loop::ScalarOp::exp2, {(score - shift) * log2_of_e});
  }
  // What the weighted sums are divided by: such a row gives zeros.
  static Expr divisor(const Expr& most, const Expr& total) {
    return loop::select(has_scores(most), total, loop::constant(1, most->type));
  }

 private:
  static Expr has_scores(const Expr& most) {
    return loop::apply(loop::ScalarOp::not_equal, {most, loop::constant(kNone, most->type)});
  }
};

}  // namespace sinter::passes
