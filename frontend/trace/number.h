#pragma once

#include <sinter/tensor.h>

namespace sinter {

// f of what a number is: a double, an int64_t or a bool.
template <typename F>
decltype(auto) with_value(const Number& number, F&& f) {
  if (number.kind() == Number::Kind::real) return f(number.real());
  if (number.kind() == Number::Kind::integer) return f(number.integer());
  return f(number.integer() != 0);
}

inline bool is_real(const Number& number) {
  return number.kind() == Number::Kind::real;
}

}  // namespace sinter
