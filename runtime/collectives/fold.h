#pragma once

#include <cstdint>
#include <span>

#include "runtime/dtype.h"
#include "runtime/float_mode.h"

namespace sinter::runtime {

enum class Fold : uint8_t { sum, max, min };

// Folds pieces of `elements` each in the order of `additions` (additions_of). Sums begin with 0, so that one
// of negative zeros is +0 however it was made; NaN is the one of sign 0 and no payload. Of bool, max is "or"
// and min is "and". Throws RuntimeError for types that the graph's own folds do not take: f16, bf16, and sums
// of bool. `result` may be the first of the pieces.
void fold_pieces(DType type, Fold fold, int64_t elements, std::span<const int64_t> additions,
                 std::span<const void* const> pieces, void* result, FloatMode mode);

}  // namespace sinter::runtime
