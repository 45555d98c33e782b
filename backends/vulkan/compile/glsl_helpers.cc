#include "backends/vulkan/compile/glsl_helpers.h"

#include "backends/vulkan/compile/glsl_functions_f64.h"

namespace sinter::vulkan {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Shifts in runs of 8 bits: exponents differ by 276 at most.
std::string shifts_of_remainder(bool for_processor) {
  if (!for_processor) {
    return "      for (; ea > eb; --ea) ma = (ma << 1) % mb;\n"
           "      for (; ma != 0u && ma < 0x800000u && eb > 1; --eb) ma <<= 1;\n";
  }
  return "      int shift;\n" +
         repeated(35,
                  "      if (ea > eb) { shift = min(ea - eb, 8); ma = (ma << shift) % mb; ea -= shift; }\n") +
         "      if (ma != 0u) { shift = clamp(23 - findMSB(ma), 0, eb - 1); ma <<= shift; eb -= shift; }\n";
}

// From what an integer was turned into: the driver takes the way back for the integer.
std::string hide(bool for_processor) {
  return for_processor ? "  x = uintBitsToFloat(floatBitsToUint(x) | gl_WorkGroupID.z);\n" : "";
}

std::string integer_pow(int bits, bool for_processor) {
  const std::string multiply = "if ((exponent & 1) != 0) result *= base;\n";
  const std::string body =
      for_processor
          ? repeated(bits, "  " + multiply + "  base *= base;\n  exponent >>= 1;\n")
          : "  for (; exponent != 0; exponent >>= 1) {\n    " + multiply + "    base *= base;\n  }\n";
  return "int integer_pow(int base, int exponent) {\n"
         "  if (exponent < 0) return base == 1 ? 1 : base != -1 ? 0 : (exponent & 1) == 0 ? 1 : -1;\n"
         "  int result = 1;\n" +
         body +
         "  return result;\n"
         "}\n";
}

std::map<std::string, Helper> make_helpers(bool for_processor) {
  std::map<std::string, Helper> all = {
      {"is_nan", {{}, "bool is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }\n"}},
      {"is_finite",
       {{}, "bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }\n"}},
      {"is_nan_f64",
       {{},
        "bool is_nan_f64(double x) {\n"
        "  uvec2 bits = unpackDouble2x32(x);\n"
        "  uint high = bits.y & 0x7fffffffu;\n"
        "  return high > 0x7ff00000u || (high == 0x7ff00000u && bits.x != 0u);\n"
        "}\n"}},
      {"is_finite_f64",
       {{},
        "bool is_finite_f64(double x) {\n"
        "  return (unpackDouble2x32(x).y & 0x7ff00000u) != 0x7ff00000u;\n"
        "}\n"}},
      // By bits, as drivers take the obvious form for a sign() of their own, which may make -0 of 0.
      {"sign_of",
       {{"is_nan"},
        "float sign_of(float x) {\n"
        "  if (is_nan(x)) return x;\n"
        "  if ((floatBitsToUint(x) << 1) == 0u) return uintBitsToFloat(0u);\n"
        "  return uintBitsToFloat((floatBitsToUint(x) & 0x80000000u) | 0x3f800000u);\n"
        "}\n"}},
      {"sign_of_f64",
       {{"is_nan_f64"},
        "double sign_of_f64(double x) {\n"
        "  if (is_nan_f64(x)) return x;\n"
        "  if (x == 0.0) return double(0);\n"
        "  return packDouble2x32(uvec2(0u, (unpackDouble2x32(x).y & 0x80000000u) | 0x3ff00000u));\n"
        "}\n"}},
      // The driver's own is wrong where its vectors have 512 bits.
      {"round_even_f64",
       {{},
        "double round_even_f64(double x) {\n"
        "  if (!(abs(x) < 4503599627370496.0lf)) return x;\n"
        "  uvec2 bits = unpackDouble2x32((abs(x) + 4503599627370496.0lf) - 4503599627370496.0lf);\n"
        "  return packDouble2x32(uvec2(bits.x, bits.y | (unpackDouble2x32(x).y & 0x80000000u)));\n"
        "}\n"}},
      {"mul_high",
       {{},
        "int mul_high(int x, int y) {\n"
        "  uint high, low;\n"
        "  umulExtended(uint(x), uint(y), high, low);\n"
        "  return int(high);\n"
        "}\n"}},
      // The remainder of magnitudes, one bit of the quotient at a time: exact, as fmod is.
      {"floating_rem",
       {{"is_nan", "is_finite"},
        "float floating_rem(float x, float y) {\n"
        "  if (is_nan(x) || is_nan(y) || !is_finite(x) || y == 0.0) return uintBitsToFloat(0x7fc00000u);\n"
        "  if (is_finite(y)) {\n"
        "    uint sign_of_x = floatBitsToUint(x) & 0x80000000u;\n"
        "    uint a = floatBitsToUint(x) & 0x7fffffffu, b = floatBitsToUint(y) & 0x7fffffffu;\n"
        "    int ea = int(a >> 23), eb = int(b >> 23);\n"
        "    uint ma = ea == 0 ? a : (a & 0x7fffffu) | 0x800000u;\n"
        "    uint mb = eb == 0 ? b : (b & 0x7fffffu) | 0x800000u;\n"
        "    ea = max(ea, 1);\n"
        "    eb = max(eb, 1);\n"
        "    if (a >= b) {\n"
        "      ma %= mb;\n" +
            shifts_of_remainder(for_processor) +
            "      a = ma < 0x800000u ? ma : (ma & 0x7fffffu) | (uint(eb) << 23);\n"
            "    }\n"
            "    x = uintBitsToFloat(sign_of_x | a);\n"
            "  }\n"
            "  if ((floatBitsToUint(x) & 0x7fffffffu) == 0u) {\n"
            "    return uintBitsToFloat(floatBitsToUint(y) & 0x80000000u);\n"
            "  }\n"
            "  return (x < 0.0) != (y < 0.0) ? x + y : x;\n"
            "}\n"}},
  };
  // In i32 and, with other names, in i64.
  const std::map<std::string, Helper> integers = {
      {"floor_div",
       {{},
        "int floor_div(int x, int y) {\n"
        "  if (y == 0) return 0;\n"
        "  if (y == -1) return -x;\n"
        "  int quotient = x / y;\n"
        "  return quotient * y != x && (x < 0) != (y < 0) ? quotient - 1 : quotient;\n"
        "}\n"}},
      {"floor_rem",
       {{"floor_div"},
        "int floor_rem(int x, int y) { return y == 0 || y == -1 ? 0 : x - floor_div(x, y) * y; }\n"}},
      {"integer_pow", {{}, integer_pow(32, for_processor)}},
  };
  for (const auto& [name, helper] : integers) {
    all[name] = helper;
    const std::string& text = name == "integer_pow" ? integer_pow(64, for_processor) : helper.text;
    Helper wide{{}, replaced(text, "int ", "int64_t ")};
    for (const auto& [other, ignored] : integers)
      wide.text = replaced(wide.text, other + "(", other + "_i64(");
    for (const std::string& need : helper.needs) wide.needs.push_back(need + "_i64");
    // A literal does not turn into i64 by itself in a conditional expression.
    all[name + "_i64"] = std::move(wide);
  }
  const std::map<std::string, Helper> extremes = {
      {"maximum", {{"is_nan"}, "float maximum(float x, float y) { return is_nan(x) || x > y ? x : y; }\n"}},
      {"minimum", {{"is_nan"}, "float minimum(float x, float y) { return is_nan(x) || x < y ? x : y; }\n"}},
      {"to_int",
       {{"is_nan"},
        "int to_int(float x) {\n" + hide(for_processor) +
            "  if (is_nan(x)) return 0;\n"
            "  if (x >= float(2147483648.0)) return 0x7fffffff;\n"
            "  return x <= float(-2147483648.0) ? int(0x80000000u) : int(x);\n"
            "}\n"}},
      {"to_long",
       {{"is_nan"},
        "int64_t to_long(float x) {\n" + hide(for_processor) +
            "  if (is_nan(x)) return 0l;\n"
            "  if (x >= float(9223372036854775808.0)) return 0x7fffffffffffffffl;\n"
            "  return x <= float(-9223372036854775808.0) ? int64_t(0x8000000000000000ul) : int64_t(x);\n"
            "}\n"}},
  };
  for (const auto& [name, helper] : extremes) {
    all[name] = helper;
    std::string text = replaced(helper.text, "uintBitsToFloat(floatBitsToUint(x) | gl_WorkGroupID.z)",
                                "packDouble2x32(unpackDouble2x32(x) | gl_WorkGroupID.z)");
    Helper wide{{}, replaced(replaced(std::move(text), "float", "double"), "is_nan(", "is_nan_f64(")};
    wide.text = replaced(wide.text, name + "(", name + "_f64(");
    for (const std::string& need : helper.needs) wide.needs.push_back(need + "_f64");
    all[name + "_f64"] = std::move(wide);
  }
  all.merge(functions_f64(for_processor));
  return all;
}

}  // namespace

std::string repeated(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

const std::map<std::string, Helper>& helpers(bool for_processor) {
  static const std::map<std::string, Helper> all = make_helpers(false), of_processor = make_helpers(true);
  return for_processor ? of_processor : all;
}

}  // namespace sinter::vulkan
