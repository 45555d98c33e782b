// Measures how far the expansions of elementary functions (passes/expand_math) are from the true values, in
// units of the last place of f32: over all 2^32 inputs for functions of one argument, over random pairs for
// pow and random words for normal numbers. Expressions are printed as C and compiled by the system's
// compiler.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "passes/expand_math/expand_math.h"
#include "passes/expand_math/random.h"
#include "tools/c_function.h"
#include "tools/command_line.h"
#include "tools/ulps.h"

namespace {

using sinter::loop::Expr;
using sinter::loop::ScalarOp;
using sinter::passes::MathTarget;

// What an expansion may count on, and what the machine does. The last two say something new only of functions
// that divide or take a square root.
struct Variant {
  const char* name;
  MathTarget target;
  sinter::tools::Machine machine;
};

constexpr MathTarget kPlain = {.has_fma = false, .exact_division = false};
constexpr Variant kVariants[] = {
    {"fma", {}, {}},
    {"no fma", {.has_fma = false}, {}},
    {"inexact division", kPlain, {.inexact_division = true}},
    {"and contraction", kPlain, {.inexact_division = true, .contracts_products = true}},
};

// The inputs are two words: one float, two, or random words.
struct Function {
  const char* name;
  int arguments;
  bool divides;
  Expr (*build)(const Expr& first, const Expr& second, const MathTarget& target);
  double (*reference)(uint32_t first, uint32_t second);
};

Expr to_float(const Expr& word) {
  return sinter::loop::bitcast(word, sinter::loop::Type::f32);
}

double to_double(uint32_t word) {
  return std::bit_cast<float>(word);
}

template <ScalarOp op>
Expr build_unary(const Expr& first, const Expr&, const MathTarget& target) {
  return expand_math(sinter::loop::apply(op, {to_float(first)}), target);
}

Expr build_pow(const Expr& first, const Expr& second, const MathTarget& target) {
  return expand_math(sinter::loop::apply(ScalarOp::pow, {to_float(first), to_float(second)}), target);
}

Expr build_normal(const Expr& first, const Expr& second, const MathTarget& target) {
  return normal_f32({.first = first, .second = second}, target);
}

// Like runtime::normal_f64, with the angle reduced to a multiple of a quarter turn and d quarter turns,
// exactly.
double normal(uint32_t first, uint32_t second) {
  const double u = static_cast<double>((first >> 8) + 1) * 0x1p-24;
  const auto k = static_cast<int32_t>(second >> 8);
  const int32_t quarters = (k + (1 << 21)) >> 22;
  const double angle = (k - (quarters << 22)) * 0x1p-22 * (std::numbers::pi / 2);
  const double cosine = quarters % 2 ? std::sin(angle) : std::cos(angle);
  return std::sqrt(-2 * std::log(u)) * (((quarters + 1) & 2) ? -cosine : cosine);
}

template <ScalarOp op, double (*exact)(double)>
constexpr Function unary(const char* name, bool divides = false) {
  return {name, 1, divides, build_unary<op>, [](uint32_t word, uint32_t) { return exact(to_double(word)); }};
}

double exact_rsqrt(double x) {
  return 1 / std::sqrt(x);
}

constexpr Function kFunctions[] = {
    unary<ScalarOp::exp, std::exp>("exp"),
    unary<ScalarOp::expm1, std::expm1>("expm1"),
    unary<ScalarOp::log, std::log>("log"),
    unary<ScalarOp::log1p, std::log1p>("log1p"),
    unary<ScalarOp::sin, std::sin>("sin"),
    unary<ScalarOp::cos, std::cos>("cos"),
    unary<ScalarOp::tanh, std::tanh>("tanh", true),
    unary<ScalarOp::erf, std::erf>("erf"),
    unary<ScalarOp::rsqrt, exact_rsqrt>("rsqrt", true),
    {"pow", 2, true, build_pow,
     [](uint32_t first, uint32_t second) { return std::pow(to_double(first), to_double(second)); }},
    {"normal", 2, true, build_normal, normal},
};

struct Worst {
  double ulps = 0;
  uint32_t first = 0, second = 0;
};

constexpr size_t kChunk = size_t{1} << 16;

struct Inputs {
  std::vector<uint32_t> first = std::vector<uint32_t>(kChunk), second = std::vector<uint32_t>(kChunk);
};

// Half of the pairs have any bits; the other half a result that is no overflow and no underflow.
void draw(const Function& function, std::mt19937_64& random, Inputs& inputs) {
  const bool is_pow = std::string_view(function.name) == "pow";
  std::uniform_real_distribution<double> log2_of_result(-150, 129), log2_of_base(-8, 8);
  for (size_t i = 0; i < kChunk; ++i) {
    const uint64_t word = random();
    inputs.first[i] = static_cast<uint32_t>(word);
    inputs.second[i] = static_cast<uint32_t>(word >> 32);
    if (is_pow && i % 2 == 1) {
      const auto base = static_cast<float>(i % 4 == 1 ? std::exp2(log2_of_base(random))
                                                      : std::fabs(to_double(inputs.first[i])));
      inputs.first[i] = std::bit_cast<uint32_t>(base);
      inputs.second[i] =
          std::bit_cast<uint32_t>(static_cast<float>(log2_of_result(random) / std::log2(base)));
    }
  }
}

// Every pair of values where pow has special cases.
void fill_with_special_values(Inputs& inputs) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float most = std::numeric_limits<float>::max(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> values = {
      0,        1,       2,       3,        0.5f,     1.5f,      0x1p-149f,    0x1p-126f,
      0x1p23f,  0x1p24f, 8388607, 16777215, 0x1p127f, 0x1.8p24f, 1 + 0x1p-23f, 1 - 0x1p-24f,
      infinity, most,    nan};
  const size_t count = values.size();
  for (size_t i = 0; i < count; ++i) values.push_back(-values[i]);
  for (size_t i = 0; i < kChunk; ++i) {
    inputs.first[i] = std::bit_cast<uint32_t>(values[i % values.size()]);
    inputs.second[i] = std::bit_cast<uint32_t>(values[i / values.size() % values.size()]);
  }
}

// A unit of the last place is more than 2^-24 of the value: few inputs need a closer look.
void update(Worst& worst, const Inputs& inputs, const std::vector<double>& exact,
            const std::vector<float>& values) {
  constexpr size_t kBlock = 256;
  for (size_t begin = 0; begin < kChunk; begin += kBlock) {
    int near = 0;
    for (size_t i = begin; i < begin + kBlock; ++i) {
      near += std::fabs(values[i] - exact[i]) < std::fabs(exact[i]) * (0x1p-24 * worst.ulps);
    }
    if (near == kBlock) continue;
    for (size_t i = begin; i < begin + kBlock; ++i) {
      const double ulps = sinter::tools::error_in_ulps(values[i], exact[i]);
      if (ulps > worst.ulps) worst = {ulps, inputs.first[i], inputs.second[i]};
    }
  }
}

void fill(const Function& function, uint64_t chunk, uint64_t stride, std::mt19937_64& random,
          Inputs& inputs) {
  if (function.arguments == 1) {
    for (size_t i = 0; i < kChunk; ++i) {
      inputs.first[i] = static_cast<uint32_t>((chunk * kChunk + i) * stride);
    }
  } else if (chunk == 0 && std::string_view(function.name) == "pow") {
    fill_with_special_values(inputs);
  } else {
    draw(function, random, inputs);
  }
}

void measure(const Function& function, uint64_t stride, uint64_t pairs) {
  const auto variants = std::span(kVariants).first(function.divides ? std::size(kVariants) : 2);
  std::vector<sinter::tools::CFunction> compiled;
  for (const Variant& variant : variants) {
    compiled.emplace_back(
        [&](const Expr& first, const Expr& second) { return function.build(first, second, variant.target); },
        variant.machine);
  }
  Inputs inputs;
  std::vector<double> exact(kChunk);
  std::vector<float> values(kChunk);
  std::vector<Worst> worst(variants.size());
  std::mt19937_64 random(1);
  const uint64_t chunks = function.arguments == 1 ? ((uint64_t{1} << 32) / stride) / kChunk : pairs / kChunk;
  for (uint64_t chunk = 0; chunk < chunks; ++chunk) {
    fill(function, chunk, stride, random, inputs);
    for (size_t i = 0; i < kChunk; ++i) exact[i] = function.reference(inputs.first[i], inputs.second[i]);
    for (size_t v = 0; v < variants.size(); ++v) {
      compiled[v](inputs.first.data(), inputs.second.data(), values.data(), kChunk);
      update(worst[v], inputs, exact, values);
    }
  }
  for (size_t v = 0; v < variants.size(); ++v) {
    const Worst& w = worst[v];
    fmt::print("{:8} {:16} {:9.4f} ulp at {:#010x} {:#010x} ({:.9g}, {:.9g}), {} operations\n", function.name,
               variants[v].name, w.ulps, w.first, w.second, to_double(w.first), to_double(w.second),
               compiled[v].operations());
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the accuracy of elementary functions in f32.", "measure-accuracy");
  std::vector<std::string> known;
  for (const Function& function : kFunctions) known.emplace_back(function.name);
  std::vector<std::string> names;
  uint64_t stride = 1;
  uint64_t pairs = uint64_t{1} << 29;
  app.add_option("FUNCTION", names, "functions to measure; all where none is named")
      ->check(CLI::IsMember(known));
  app.add_option("--stride", stride, "of functions of one argument, take every n-th input")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  app.add_option("--pairs", pairs, "inputs drawn for functions of two arguments")->capture_default_str();
  return sinter::tools::run_tool(app, argc, argv, [&] {
    for (const Function& function : kFunctions) {
      if (names.empty() || std::find(names.begin(), names.end(), function.name) != names.end()) {
        measure(function, stride, pairs);
      }
    }
  });
}
