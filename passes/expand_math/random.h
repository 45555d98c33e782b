#pragma once

#include <cstdint>

#include "passes/expand_math/expand_math.h"

// The counter-based random numbers of runtime/random.h in terms of the Loop IR, bit for bit.
namespace sinter::passes {

// What is the same for all elements of an op. All i32 and uniform: to be bound outside of loops.
struct RandomStream {
  loop::Expr key;      // Philox's
  loop::Expr salt;     // 0 outside loops
  loop::Expr counter;  // Philox's second counter word, for elements below 2^32
};

// `key` is the op's attribute; `salt`, an i32, may be null.
RandomStream random_stream(int64_t key, const loop::Expr& salt);

struct RandomWords {
  loop::Expr first, second;  // i32
};

// For element `index` (of type index) of a tensor of `size` elements.
RandomWords random_words(const RandomStream& stream, const loop::Expr& index, int64_t size);

loop::Expr uniform_f32(const RandomWords& words);
loop::Expr uniform_f64(const RandomWords& words);

// Within 4 ulp of runtime::normal_f32 where square roots are exact, else within 4 ulp and the error of two
// square roots. Where the cosine is zero this is zero, and that is below 2^-50.
loop::Expr normal_f32(const RandomWords& words, const MathTarget& target);
loop::Expr normal_f64(const RandomWords& words);

}  // namespace sinter::passes
