#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ir/loop/expr.h"

// Runs expressions of the Loop IR in the CPU backend's vector code.
namespace sinter::math_test {

// Of element `index`, whose inputs are two words.
struct Element {
  loop::Expr index;
  loop::Expr first, second;  // i32
};
using Build = std::function<loop::Expr(const Element& element)>;

struct Words {
  std::vector<uint32_t> first, second;  // of one size
};

struct Seed {
  uint64_t seed = 0;
  uint32_t step = 0;
};

void run(const Build& build, loop::Type type, const Words& words, void* values, const Seed& seed);

// The expression's value for each element: T is float or uint32_t (an i32), double for an f64.
template <typename T>
std::vector<T> run(const Build& build, loop::Type type, const Words& words, const Seed& seed = {}) {
  std::vector<T> values(words.first.size());
  run(build, type, words, values.data(), seed);
  return values;
}

}  // namespace sinter::math_test
