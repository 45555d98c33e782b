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
// Whether a kernel's body can fail.
bool has_checks(const graph::Function& body);

// Instructions that an element of the op's result takes, roughly, of a vector (ops.def): 0 of what moves.
int cost(const graph::Op& op);

// Whether it is computed as a polynomial.
inline constexpr int kPolynomial = 20;
bool is_polynomial(const graph::Op& op);

// What is computed again rather than kept: so many ops at most, so many of them expensive, for so many
// readers.
inline constexpr size_t kMostOps = 8;
inline constexpr size_t kMostExpensive = 2;
inline constexpr size_t kMostReaders = 2;
// The weight of what is computed at several places by one reader, all places together.
inline constexpr int64_t kMostRepeated = 64;
// Of an operand this many times smaller than the result, reading it again counts for nothing.
inline constexpr int64_t kSmallShare = 8;

// Of a GPU, in cycles of its multiprocessors: what one more launch takes, with the barrier before it, and the
// bytes of memory a cycle that each of them has its part of.
inline constexpr double kCyclesOfLaunch = 3500;
inline constexpr double kBytesACycle = 16;

// Bytes that a kernel moves, below which its launch is what costs.
inline constexpr int64_t kSmallBytes = 64 << 10;
// The same for a kernel that writes state: nothing waits for its results, all of these can run at the end.
inline constexpr int64_t kSmallUpdateBytes = 512 << 10;

// Whether computing an element again costs more than loading it: polynomials, divisions, roots, and what
// sums.
bool is_expensive(const graph::Op& op);

}  // namespace sinter::passes
