#include "backends/vulkan/compile/glsl_functions_f64.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>

// Each is within 1.5 units of the last place where quotients are correctly rounded, and right at every
// special value.
namespace sinter::vulkan {
namespace {

// Words of 2/pi, the largest first.
constexpr std::array<uint32_t, 38> kTwoOverPi = {
    0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561,
    0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484,
    0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f,
    0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b,
    0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab};

long double factorial(int n) {
  return std::tgamma(static_cast<long double>(n) + 1);
}

// p = the sum over k from `first` to `last` of coefficient(k) x^(k - first).
std::string horner(const char* x, int first, int last, const std::function<long double(int)>& coefficient) {
  const auto literal = [&](int k) { return fmt::format("{:.17e}lf", static_cast<double>(coefficient(k))); };
  std::string text = fmt::format("double p = {};\n", literal(last));
  for (int k = last - 1; k >= first; --k) text += fmt::format("  p = p * {} + ({});\n", x, literal(k));
  return text;
}

// Of the trapezoidal rule, the smallest first.
std::string terms() {
  std::string text;
  for (int n = 13; n >= 1; --n) {
    const double square = n * n / 4.0;
    text += fmt::format("    sum += {:.17e}lf / ({:.17e}lf + z);\n", std::exp(-square), square);
  }
  return text;
}

// <name>0, <name>1, ...: of the words that `word` tells `count`, from the one on whose number is in the
// variable `first`, below `2 * most`. By selects, as drivers make long code of arrays.
std::string window(const std::string& name, int count, const std::string& first, int most,
                   std::function<std::string(int)> word) {
  std::string text;
  for (int step = most; step >= 1; step /= 2) {
    const std::string stage = step == 1 ? name : fmt::format("{}_{}_", name, step);
    for (int i = 0; i < count + step - 1; ++i) {
      text += fmt::format("    uint {}{} = ({} & {}) != 0 ? {} : {};\n", stage, i, first, step,
                          word(i + step), word(i));
    }
    word = [stage](int i) { return fmt::format("{}{}", stage, i); };
  }
  return text;
}

// Seven words of 2/pi from the number `first` on, times the significand m1 m0: d0, d1, ..., the lowest first.
std::string product() {
  std::string text =
      window("w", 7, "first", 16, [](int i) { return fmt::format("0x{:08x}u", kTwoOverPi.at(i)); });
  for (int i = 0; i < 9; ++i) {
    const std::string word = i < 7 ? fmt::format("w{}", 6 - i) : "0u";
    const std::string before = i > 0 && i < 8 ? fmt::format("w{}", 7 - i) : "0u";
    text += fmt::format(
        "    umulExtended({}, m0, h0, l0);\n"
        "    umulExtended({}, m1, h1, l1);\n"
        "    sum = added_f64(added_f64(carried, l0), l1);\n"
        "    uint d{} = sum.x;\n"
        "    carried = added_f64(added_f64(uvec2(sum.y, 0u), h0), h1);\n",
        word, before, i);
  }
  return text;
}

// 32 bits each of the product around the point, which is before bit `bit` of the word 5 + `word`, the highest
// first.
std::string parts() {
  std::string text =
      window("n", 6, "word", 2, [](int i) { return i < 8 ? fmt::format("d{}", i + 1) : std::string("0u"); });
  for (int i = 0; i < 5; ++i) {
    text += fmt::format("    uint part{} = (n{} >> bit) | (bit == 0 ? 0u : n{} << (32 - bit));\n", i, 4 - i,
                        5 - i);
  }
  return text;
}

// Exponents differ by 2098 at most.
std::string steps(bool for_processor) {
  const std::string step =
      "{ shift = min(ea - eb, 48); a = remainder_step_f64(a, b, shift); ea -= shift; }\n";
  if (!for_processor) return "    while (ea > eb) " + step;
  return repeated(44, "    if (ea > eb) " + step);
}

}  // namespace

std::map<std::string, Helper> functions_f64(bool for_processor) {
  return {
      {"infinity_f64",
       {{},
        "double infinity_f64() { return packDouble2x32(uvec2(0u, 0x7ff00000u)); }\n"
        "double not_a_number_f64() { return packDouble2x32(uvec2(0u, 0x7ff80000u)); }\n"}},
      // x * 2^n
      {"scaled_f64",
       {{}, R"(double power_of_two_f64(int n) { return packDouble2x32(uvec2(0u, uint(n + 1023) << 20)); }
double scaled_f64(double x, int n) { return x * power_of_two_f64(n >> 1) * power_of_two_f64(n - (n >> 1)); }
)"}},
      // Numbers of twice the digits, as sums of two: Dekker, "A floating-point technique for extending the
      // available precision", 1971.
      {"pairs_f64", {{}, R"(dvec2 sum_of_two_f64(double a, double b) {
  double sum = a + b, rest = sum - a;
  return dvec2(sum, (a - (sum - rest)) + (b - rest));
}
dvec2 product_of_two_f64(double a, double b) {
  double at = a * 134217729.0lf, bt = b * 134217729.0lf;
  double ah = at - (at - a), bh = bt - (bt - b), al = a - ah, bl = b - bh, product = a * b;
  return dvec2(product, ((ah * bh - product) + ah * bl + al * bh) + al * bl);
}
dvec2 product_of_pairs_f64(dvec2 a, dvec2 b) {
  dvec2 p = product_of_two_f64(a.x, b.x);
  return sum_of_two_f64(p.x, p.y + (a.x * b.y + a.y * b.x));
}
dvec2 sum_of_pairs_f64(dvec2 a, dvec2 b) {
  dvec2 s = sum_of_two_f64(a.x, b.x);
  return sum_of_two_f64(s.x, s.y + (a.y + b.y));
}
)"}},
      // exp(x + low): 2^n exp(r), |r| <= ln(2) / 2, by Taylor's series.
      {"exp_of_sum_f64",
       {{"scaled_f64", "pairs_f64", "infinity_f64"},
        R"(int log2_of_exp_f64(double x) { return int(floor(x * 1.4426950408889634lf + 0.5lf)); }
dvec2 reduced_exp_f64(double x, double low, int n) {
  double high = x - double(n) * 6.93147180369123816490e-01lf;
  dvec2 r = sum_of_two_f64(high, low - double(n) * 1.90821492927058770002e-10lf);
  double y = r.x;
  )" + horner("y", 2, 13, [](int k) { return 1 / factorial(k); }) +
            R"(
  return dvec2(y, y * y * p + r.y * (1.0lf + y));
}
double exp_of_sum_f64(double x, double low) {
  if (x > 709.8lf) return infinity_f64();
  if (x < -745.2lf) return 0.0lf;
  int n = log2_of_exp_f64(x);
  dvec2 r = reduced_exp_f64(x, low, n);
  return scaled_f64(1.0lf + (r.x + r.y), n);
}
)"}},
      {"exp_f64",
       {{"exp_of_sum_f64", "is_nan_f64"},
        R"(double exp_f64(double x) { return is_nan_f64(x) ? x : exp_of_sum_f64(x, 0.0lf); }
)"}},
      // exp(x) - 1 = 2^n (exp(r) - 1 + (1 - 2^-n)), as a pair.
      {"expm1_of_f64", {{"exp_of_sum_f64"}, R"(dvec2 expm1_of_f64(double x) {
  if (x > 709.8lf) return dvec2(infinity_f64(), 0.0lf);
  if (x < -40.0lf) return dvec2(-1.0lf, 0.0lf);
  int n = log2_of_exp_f64(x);
  dvec2 r = reduced_exp_f64(x, 0.0lf, n);
  if (n == 0) return sum_of_two_f64(r.x, r.y);
  if (n > 53) return dvec2(scaled_f64(1.0lf + (r.x + r.y), n), -1.0lf);
  dvec2 s = sum_of_pairs_f64(sum_of_two_f64(1.0lf - power_of_two_f64(-n), r.x), dvec2(r.y, 0.0lf));
  return dvec2(scaled_f64(s.x, n), scaled_f64(s.y, n));
}
)"}},
      {"expm1_f64", {{"expm1_of_f64", "is_nan_f64"}, R"(double expm1_f64(double x) {
  if (is_nan_f64(x) || abs(x) < 5e-17lf) return x;
  dvec2 y = expm1_of_f64(x);
  return y.x + y.y;
}
)"}},
      // log(x + low) as a pair: x = 2^n (1 + f), s = f / (2 + f), log(1 + f) = 2 s + 2 s^3 / 3 + ..., of
      // which the first two terms are pairs, as pow needs it.
      {"log_of_sum_f64",
       {{"pairs_f64"},
        R"(dvec2 log_of_sum_f64(double x, double low) {
  int n = 0;
  uvec2 bits = unpackDouble2x32(x);
  if (bits.y < 0x100000u) {
    bits = unpackDouble2x32(x * 18014398509481984.0lf);
    n = -54;
  }
  uint above = (bits.y & 0xfffffu) > 0x6a09eu ? 1u : 0u;
  n += int(bits.y >> 20) - 1023 + int(above);
  double f = packDouble2x32(uvec2(bits.x, (bits.y & 0xfffffu) | ((1023u - above) << 20))) - 1.0lf;
  dvec2 d = sum_of_two_f64(2.0lf, f);
  double q = f / d.x;
  dvec2 qd = product_of_two_f64(q, d.x);
  dvec2 s = sum_of_two_f64(q, (((f - qd.x) - qd.y) - q * d.y) / d.x);
  dvec2 z = product_of_pairs_f64(s, s);
  double y = z.x;
  )" + horner("y", 2, 11, [](int k) { return 2.0L / (2 * k + 1); }) +
            R"(
  dvec2 third = sum_of_pairs_f64(dvec2(2.0lf / 3.0lf, 3.700743415417188e-17lf), dvec2(p * y, 0.0lf));
  dvec2 of_f = sum_of_pairs_f64(dvec2(2.0lf * s.x, 2.0lf * s.y), product_of_pairs_f64(product_of_pairs_f64(s, z), third));
  dvec2 of_n = product_of_pairs_f64(dvec2(0.6931471805599453lf, 2.3190468138462996e-17lf), dvec2(double(n), 0.0lf));
  dvec2 sum = sum_of_pairs_f64(of_n, of_f);
  return sum_of_two_f64(sum.x, sum.y + low / x);
}
)"}},
      {"log_f64",
       {{"log_of_sum_f64", "infinity_f64", "is_nan_f64", "is_finite_f64"}, R"(double log_f64(double x) {
  if (is_nan_f64(x) || x < 0.0lf) return not_a_number_f64();
  if (x == 0.0lf) return -infinity_f64();
  return is_finite_f64(x) ? log_of_sum_f64(x, 0.0lf).x : x;
}
)"}},
      {"log1p_f64", {{"log_f64"}, R"(double log1p_f64(double x) {
  if (is_nan_f64(x) || x < -1.0lf) return not_a_number_f64();
  if (x == -1.0lf) return -infinity_f64();
  if (!is_finite_f64(x) || abs(x) < 5e-17lf) return x;
  dvec2 sum = sum_of_two_f64(1.0lf, x);
  return log_of_sum_f64(sum.x, sum.y).x;
}
)"}},
      // exp(y log |x|); the special cases are those of C99.
      {"pow_f64", {{"log_f64", "exp_of_sum_f64"}, R"(double pow_f64(double x, double y) {
  if (x == 1.0lf || y == 0.0lf) return 1.0lf;
  if (is_nan_f64(x) || is_nan_f64(y)) return not_a_number_f64();
  double a = abs(x), half_y = 0.5lf * y;
  bool is_whole = floor(y) == y, is_odd = is_whole && abs(y) < 9007199254740992.0lf && floor(half_y) != half_y;
  bool negates = is_odd && (unpackDouble2x32(x).y >> 31) != 0u;
  double result;
  if (a == 1.0lf) {
    result = x < 0.0lf && !is_whole ? not_a_number_f64() : 1.0lf;
  } else if (a == 0.0lf || !is_finite_f64(a) || abs(y) > 1.8e19lf) {
    result = (a > 1.0lf) == (y > 0.0lf) ? infinity_f64() : 0.0lf;
  } else if (x < 0.0lf && !is_whole) {
    return not_a_number_f64();
  } else {
    dvec2 l = log_of_sum_f64(a, 0.0lf), p = product_of_two_f64(y, l.x);
    result = exp_of_sum_f64(p.x, p.y + y * l.y);
  }
  return negates ? -result : result;
}
)"}},
      // t / (t + 2) of t = exp(2 |x|) - 1, as pairs.
      {"tanh_f64", {{"expm1_of_f64", "is_nan_f64"}, R"(double tanh_f64(double x) {
  if (is_nan_f64(x) || abs(x) < 5e-17lf) return x;
  dvec2 t = expm1_of_f64(2.0lf * min(abs(x), 40.0lf)), d = sum_of_two_f64(2.0lf, t.x);
  double q = t.x / d.x;
  dvec2 p = product_of_two_f64(q, d.x);
  double y = q + (((t.x - p.x) - p.y) + (t.y - q * (d.y + t.y))) / d.x;
  return x < 0.0lf ? -y : y;
}
)"}},
      // The series below 1; above, 1 - erfc by the trapezoidal rule with steps of 1/2 and its pole: Matta
      // and Reichel, "Uniform computation of the error function and other related functions", 1971.
      {
          "erf_f64",
          {{"expm1_f64"},
           R"(double erf_f64(double x) {
  if (is_nan_f64(x)) return x;
  double a = abs(x), z = x * x;
  if (a < 1.0lf) {
    )" +
               horner("z", 1, 19,
                      [](int k) {
                        return (k % 2 == 0 ? 2 : -2) /
                               (std::sqrt(std::numbers::pi_v<long double>) * factorial(k) * (2 * k + 1));
                      }) +
               R"(
    return x + x * (0.1283791670955126lf + z * p);
  }
  double y = 1.0lf;
  if (a < 6.0lf) {
    double sum = 0.0lf;
)" + terms() + R"(    sum += 0.5lf / z;
    y = 1.0lf - (exp_of_sum_f64(-z, 0.0lf) * sum * a / 3.141592653589793lf - 2.0lf / expm1_f64(12.566370614359172lf * a));
  }
  return x < 0.0lf ? -y : y;
}
)"}},
      // Payne and Hanek, "Radian reduction for trigonometric functions", 1983: 224 bits of 2/pi, from
      // where they count, times the significand; 2 bits of the product are the quadrant, 128 behind the
      // point the angle.
      {
          "sine_f64",
          {{"scaled_f64", "pairs_f64", "infinity_f64", "is_finite_f64"},
           R"(uvec2 added_f64(uvec2 sum, uint x) {
  uint carry, low = uaddCarry(sum.x, x, carry);
  return uvec2(low, sum.y + carry);
}
double angle_part_f64(uint word, int exponent) { return double(word) * power_of_two_f64(exponent); }
double sine_f64(double x, bool is_cosine) {
  if (!is_finite_f64(x)) return not_a_number_f64();
  int quadrant = is_cosine ? 1 : 0;
  dvec2 r = dvec2(abs(x), 0.0lf);
  if (r.x > 0.78lf) {
    uvec2 bits = unpackDouble2x32(r.x);
    int e = int(bits.y >> 20) - 1075, first = max(e - 2, 0) / 32;
    uint m1 = (bits.y & 0xfffffu) | 0x100000u, m0 = bits.x, h0, l0, h1, l1;
    uvec2 sum, carried = uvec2(0u, 0u);
)" + product() +
               R"(    int point = 224 - (e - 32 * first), word = (point >> 5) - 5, bit = point & 31;
)" + parts() + R"(    quadrant += int((part0 + (part1 >> 31)) & 3u);
    bool is_above = (part1 >> 31) != 0u;
    uint flips = is_above ? 0xffffffffu : 0u;
    dvec2 turns = sum_of_two_f64(angle_part_f64(part1 ^ flips, -32), angle_part_f64(part2 ^ flips, -64));
    double rest = angle_part_f64(part3 ^ flips, -96) + angle_part_f64(part4 ^ flips, -128);
    turns = sum_of_two_f64(turns.x, turns.y + rest);
    r = product_of_pairs_f64(turns, dvec2(1.5707963267948966lf, 6.123233995736766e-17lf));
    if (is_above) r = dvec2(-r.x, -r.y);
  }
  double y = r.x, z = y * y, result;
  if ((quadrant & 1) == 0) {
    )" + horner("z", 1, 9, [](int k) { return (k % 2 == 0 ? 1 : -1) / factorial(2 * k + 1); }) +
               R"(
    result = y + (z * y * p + r.y * (1.0lf - 0.5lf * z));
  } else {
    )" + horner("z", 2, 10, [](int k) { return (k % 2 == 0 ? 1 : -1) / factorial(2 * k); }) +
               R"(
    double half_z = 0.5lf * z, w = 1.0lf - half_z;
    result = w + (((1.0lf - w) - half_z) + (z * z * p - y * r.y));
  }
  if ((quadrant & 2) != 0) result = -result;
  return x < 0.0lf && !is_cosine ? -result : result;
}
)"}},
      {"sin_f64",
       {{"sine_f64"}, R"(double sin_f64(double x) { return abs(x) < 1e-9lf ? x : sine_f64(x, false); }
)"}},
      {"cos_f64", {{"sine_f64"}, R"(double cos_f64(double x) { return sine_f64(x, true); }
)"}},
      // As floating_rem, by 48 bits of the quotient at a time.
      {"floating_rem_f64",
       {{"scaled_f64", "pairs_f64", "infinity_f64", "is_nan_f64", "is_finite_f64"},
        R"(double remainder_step_f64(double a, double b, int shift) {
  double q = floor(a * power_of_two_f64(shift) / b);
  dvec2 p = product_of_two_f64(q, b);
  double r = (a * power_of_two_f64(shift) - p.x) - p.y;
  return r < 0.0lf ? r + b : r >= b ? r - b : r;
}
double floating_rem_f64(double x, double y) {
  if (is_nan_f64(x) || is_nan_f64(y) || !is_finite_f64(x) || y == 0.0lf) return not_a_number_f64();
  double a = abs(x), b = abs(y);
  if (is_finite_f64(y) && a >= b) {
    int ea = 0, eb = 0, shift;
    if (a < 1e-290lf) {
      a *= 18014398509481984.0lf;
      ea = -54;
    }
    if (b < 1e-290lf) {
      b *= 18014398509481984.0lf;
      eb = -54;
    }
    uvec2 of_a = unpackDouble2x32(a), of_b = unpackDouble2x32(b);
    ea += int(of_a.y >> 20);
    eb += int(of_b.y >> 20);
    a = packDouble2x32(uvec2(of_a.x, (of_a.y & 0xfffffu) | 0x43300000u));
    b = packDouble2x32(uvec2(of_b.x, (of_b.y & 0xfffffu) | 0x43300000u));
    if (a >= b) a -= b;
)" + steps(for_processor) +
            R"(    a = scaled_f64(a, eb - 1075);
    x = x < 0.0lf ? -a : a;
  }
  if (x == 0.0lf) return packDouble2x32(uvec2(0u, unpackDouble2x32(y).y & 0x80000000u));
  return (x < 0.0lf) != (y < 0.0lf) ? x + y : x;
}
)"}},
  };
}

}  // namespace sinter::vulkan
