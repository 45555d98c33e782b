#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "backends/backend.h"

// Programs as text, function `f` of each, whose loops are cut at the borders of tiles and vectors.
namespace sinter::cpu::test {

// The order in which the operands of a product of matrices lie.
struct Form {
  const char* name;
  const char* dims;
  bool lhs_transposed, rhs_transposed;
};
inline constexpr Form kForms[] = {{"nn", "mk,kn->mn", false, false},
                                  {"nt", "mk,nk->mn", false, true},
                                  {"tn", "km,kn->mn", true, false},
                                  {"tt", "km,nk->mn", true, true}};

struct Size {
  int64_t m, n, k;
};

// x y, or relu(x) y, or gelu(x y + bias).
std::string product(const Form& form, const Size& size, bool with_relu = false, bool with_gelu = false);

// Of queries, keys and values f32[2,2,length,width], or its gradients. With lengths, each of the batch has
// its own number of keys.
struct AttentionText {
  int64_t length, width;
  bool causal = false, has_lengths = false, with_gradient = false;
};
std::string attention(const AttentionText& attention);

// Products at odd sizes: form, size and what comes before and behind are drawn, and always the same.
struct DrawnProduct {
  std::string name, text;
};
DrawnProduct drawn_product(uint32_t seed);

// All else: reductions of rows and columns, attention, scatters, concatenations, a step of an optimiser.
struct Program {
  const char* name;
  std::string text;
};
std::span<const Program> other_programs();

// Where a program's results differ from the reference's on a device, on drawn inputs and state; "" where they
// do not.
std::string difference_on(const backends::Device& device, const std::string& text);

}  // namespace sinter::cpu::test
