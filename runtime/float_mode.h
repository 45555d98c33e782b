#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sinter::runtime {

// How a thread computes with floating-point numbers: rounding, denormals, traps. A word of the machine's own.
using FloatMode = uint64_t;

// To the nearest, no traps, zeros for denormal operands and results.
constexpr FloatMode kX86FlushDenormals = 0x9fc0;
constexpr FloatMode kArmFlushDenormals = 1 << 24;

#if defined(__x86_64__)
constexpr FloatMode kKeepDenormals = 0x1f80;
constexpr FloatMode kFlushDenormals = kX86FlushDenormals;

inline FloatMode float_mode() {
  return _mm_getcsr();
}
inline void set_float_mode(FloatMode mode) {
  _mm_setcsr(static_cast<unsigned>(mode));
}
#elif defined(__aarch64__)
constexpr FloatMode kKeepDenormals = 0;
constexpr FloatMode kFlushDenormals = kArmFlushDenormals;

inline FloatMode float_mode() {
  FloatMode mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
inline void set_float_mode(FloatMode mode) {
  asm volatile("msr fpcr, %0" : : "r"(mode));
}
#else
constexpr FloatMode kKeepDenormals = 0;
constexpr FloatMode kFlushDenormals = 0;

inline FloatMode float_mode() {
  return 0;
}
inline void set_float_mode(FloatMode) {}
#endif

// While it lives, the calling thread computes in `mode`; then as before.
class FloatModeScope {
 public:
  explicit FloatModeScope(FloatMode mode) : before_(float_mode()) { set_float_mode(mode); }
  ~FloatModeScope() { set_float_mode(before_); }
  FloatModeScope(const FloatModeScope&) = delete;
  FloatModeScope& operator=(const FloatModeScope&) = delete;

 private:
  FloatMode before_;
};

}  // namespace sinter::runtime
