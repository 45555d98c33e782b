#pragma once

#include "ir/graph/graph.h"

namespace sinter::passes {

// What the ops of a kernel may weigh together. Expressions grow as long as chains of ops do, and what walks
// them recurses: a chain of some thousand would need more stack than a thread has.
inline constexpr int64_t kMostWeight = 512;
// 1, 8 of what becomes a polynomial, 1 for each part of a concatenation, 4 for each place of a window that is
// folded.
int64_t weight(const graph::Op& op);

// Whether an op is a constant that lies in memory, element by element.
bool is_table(const graph::Op& op);

// Whether a random number is drawn: what depends on the call, not on operands alone.
bool is_random(graph::OpCode code);
// Whether a kernel, or one inside of it, draws them.
bool reads_call(const graph::Op& kernel);

// Instructions that an element of the op's result takes, roughly, of a vector (ops.def): 0 of what moves.
int cost(const graph::Op& op);

// Whether it is computed as a polynomial.
inline constexpr int kPolynomial = 20;
bool is_polynomial(const graph::Op& op);

// Whether computing an element again costs more than loading it: polynomials, divisions, roots, and what
// sums.
bool is_expensive(const graph::Op& op);

}  // namespace sinter::passes
