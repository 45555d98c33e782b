#pragma once

#include <sinter/array.h>
#include <sinter/export.h>
#include <sinter/tensor.h>

#include <cstdint>
#include <numbers>
#include <source_location>
#include <string>
#include <utility>

namespace sinter::runtime {
class ThreadPool;
}

namespace SINTER_EXPORT sinter {

// What a deviation is kept the same for: values on their way in, gradients on their way back, or half of
// each.
enum class Fan { in, out, both };

// How a state begins. Random numbers are drawn when a program is compiled, and depend on its seed and the
// state's name alone: they are the same on every device.
//
// What looks at fans knows how many inputs an element of a layer's output has, and how many outputs an input
// goes to. Layers say it of their weights; of a parameter by itself [in,out] has them, and of more axes
// [out,in,spatial...], as in convolution. Where the numbers cannot be meant, such as NaN, an infinite or
// empty range or a negative deviation, Error is thrown.
class Initializer {
 public:
  using Where = std::source_location;

  static Initializer zeros() { return constant(0); }
  static Initializer ones() { return constant(1); }
  static Initializer constant(Number value, Where where = Where::current());
  static Initializer uniform(double low, double high, Where where = Where::current());
  static Initializer normal(double mean, double deviation, Where where = Where::current());
  // Normal numbers, those outside of [low,high] drawn again. At least a hundredth of all has to lie there.
  static Initializer truncated_normal(double mean = 0, double deviation = 1, double low = -2, double high = 2,
                                      Where where = Where::current());
  // Glorot and Bengio 2010: of deviation gain * sqrt(2 / (in + out)).
  static Initializer xavier_uniform(double gain = 1, Where where = Where::current());
  static Initializer xavier_normal(double gain = 1, Where where = Where::current());
  // He et al. 2015: of deviation gain / sqrt(fan). The gain of relu is sqrt(2), of tanh 5/3, of none 1.
  static Initializer kaiming_uniform(double gain = std::numbers::sqrt2, Fan fan = Fan::in,
                                     Where where = Where::current());
  static Initializer kaiming_normal(double gain = std::numbers::sqrt2, Fan fan = Fan::in,
                                    Where where = Where::current());
  // Saxe et al. 2013: as a matrix of the first axis by the others together, gain times one whose rows, or
  // columns where these are fewer, are orthonormal.
  static Initializer orthogonal(double gain = 1, Where where = Where::current());
  static Initializer identity(double gain = 1,
                              Where where = Where::current());  // [n,m]: gain on the diagonal
  // The kernel [o,c,spatial...] of a convolution in groups that gives each channel as it is, up to the least
  // of o / groups and c: 1 in the middle.
  static Initializer dirac(int64_t groups = 1, Where where = Where::current());
  static Initializer values(Array values, Where where = Where::current());  // of the state's type and shape

  // The same for a state with these fans, where it has none yet.
  Initializer with_fans(int64_t in, int64_t out) const;
  Initializer with_fans_of(const Initializer& other) const;

  bool is_zero() const;
  // The beginning of the state called `name`, whatever the number of threads.
  Array make(const std::string& name, DType type, const Shape& shape, uint64_t seed,
             runtime::ThreadPool& threads) const;

 private:
  enum class Kind {
    constant,
    uniform,
    normal,
    truncated_normal,
    fan_uniform,
    fan_normal,
    orthogonal,
    identity,
    dirac,
    values
  };
  struct Fans {
    int64_t in, out;  // -1: not known
  };
  explicit Initializer(Kind kind, double first = 0, double second = 0)
      : kind_(kind), first_(first), second_(second) {}

  static Initializer of_fan(Kind kind, double gain, Fan fan, const Where& where);
  double deviation_of(const std::string& name, DType type, const Shape& shape) const;

  Kind kind_;
  Number value_ = 0;
  double first_;   // the low end, the mean, the gain
  double second_;  // the high end, the deviation
  double low_ = 0, high_ = 0;
  Fan fan_ = Fan::in;
  Fans fans_ = {-1, -1};
  int64_t groups_ = 1;
  Array values_;
};

}  // namespace sinter
