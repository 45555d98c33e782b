#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "ir/loop/scalar.h"
#include "tests/cpu/run_kernel.h"

// Every scalar operation on values at the edges, in scalar and in vector code, against ir/loop/scalar.h.
namespace sinter::cpu::test {
namespace {

constexpr size_t kLanes = 8;

std::vector<loop::Scalar> edge_values(Type type) {
  std::vector<loop::Scalar> values;
  if (loop::is_floating(type)) {
    const double inf = std::numeric_limits<double>::infinity(),
                 nan = std::numeric_limits<double>::quiet_NaN();
    const bool narrow = type == Type::f32;
    const double tiny = narrow ? 1e-45 : 5e-324, least_normal = narrow ? 0x1p-126 : 0x1p-1022;
    const double most = narrow ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
    for (double x : {0.0,          -0.0, 1.0,   -1.0,   0.5,     -0.5,   1.5,    -1.5,    2.5,         3.0,
                     -3.0,         7.25, -7.75, 1e-3,   100.0,   inf,    -inf,   nan,     tiny,        -tiny,
                     least_normal, most, -most, 0x1p31, -0x1p31, 0x1p40, 0x1p63, -0x1p63, 2147483520.0}) {
      values.push_back({.number = narrow ? static_cast<float>(x) : x});
    }
    return values;
  }
  if (type == Type::boolean) return {{.integer = 0}, {.integer = 1}};
  const bool narrow = type == Type::i32;
  const int64_t least = narrow ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min();
  const int64_t most = narrow ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  for (int64_t x :
       {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{2}, int64_t{-2}, int64_t{3}, int64_t{-3}, int64_t{5},
        int64_t{7}, int64_t{-7}, int64_t{31}, int64_t{65537}, int64_t{-123456789}, least, least + 1, most}) {
    values.push_back({.integer = x});
  }
  return values;
}

void put(std::vector<std::byte>& memory, size_t index, Type type, loop::Scalar x) {
  const auto write = [&](auto value) {
    std::memcpy(memory.data() + index * sizeof(value), &value, sizeof(value));
  };
  switch (type) {
    case Type::f32:
      return write(static_cast<float>(x.number));
    case Type::f64:
      return write(x.number);
    case Type::i32:
      return write(static_cast<int32_t>(x.integer));
    case Type::boolean:
      return write(static_cast<uint8_t>(x.integer));
    default:
      return write(x.integer);
  }
}

loop::Scalar get(const std::vector<std::byte>& memory, size_t index, Type type) {
  const auto read = [&](auto value) {
    std::memcpy(&value, memory.data() + index * sizeof(value), sizeof(value));
    return value;
  };
  switch (type) {
    case Type::f32:
      return {.number = read(float{})};
    case Type::f64:
      return {.number = read(double{})};
    case Type::i32:
      return {.integer = read(int32_t{})};
    case Type::boolean:
      return {.integer = read(uint8_t{})};
    default:
      return {.integer = read(int64_t{})};
  }
}

// Equal up to `ulps`; NaN equals NaN, and the sign of zero counts.
bool same(loop::Scalar a, loop::Scalar b, Type type, double ulps) {
  if (!loop::is_floating(type)) return a.integer == b.integer;
  if (std::isnan(a.number) || std::isnan(b.number)) return std::isnan(a.number) && std::isnan(b.number);
  if (a.number == b.number) return std::signbit(a.number) == std::signbit(b.number);
  if (!std::isfinite(a.number) || !std::isfinite(b.number)) return false;
  const double unit = type == Type::f32 ? 0x1p-23 : 0x1p-52, least = type == Type::f32 ? 0x1p-149 : 0x1p-1074;
  return std::abs(a.number - b.number) <= ulps * std::max(std::abs(b.number) * unit, least);
}

using MakeExpr = std::function<Expr(const std::vector<Expr>& operands)>;
using Oracle = std::function<loop::Scalar(const std::vector<loop::Scalar>& operands)>;

// All combinations of edge values of the operands.
void expect_same(const std::string& what, const std::vector<Type>& types, Type result, const MakeExpr& make,
                 const Oracle& oracle, double ulps = 0) {
  std::vector<std::vector<loop::Scalar>> rows = {{}};
  for (Type type : types) {
    std::vector<std::vector<loop::Scalar>> longer;
    for (const auto& row : rows) {
      for (loop::Scalar x : edge_values(type)) {
        longer.push_back(row);
        longer.back().push_back(x);
      }
    }
    rows = std::move(longer);
  }
  const size_t count = rows.size(), padded = (count + kLanes - 1) / kLanes * kLanes;
  const auto size = static_cast<int64_t>(padded);
  KernelBuilder k;
  std::vector<loop::BufferRef> inputs;
  for (Type type : types) inputs.push_back(k.input(type, size));
  const auto scalar_out = k.output(result, size), vector_out = k.output(result, size);
  const auto compute = [&](const loop::BufferRef& out, const Expr& at) {
    std::vector<Expr> operands;
    for (const auto& input : inputs) operands.push_back(loop::load(input, at));
    return loop::store(out, at, make(operands));
  };
  k.kernel.parts = {loop::block({
      serial(size, [&](const Expr& i) { return compute(scalar_out, i); }),
      serial(size / static_cast<int64_t>(kLanes),
             [&](const Expr& i) {
               return vector(kLanes, [&](const Expr& lane) {
                 return compute(vector_out, i * static_cast<int64_t>(kLanes) + lane);
               });
             }),
  })};
  std::vector<std::vector<std::byte>> memory;
  for (size_t a = 0; a < types.size(); ++a) {
    memory.emplace_back(padded * 8);
    for (size_t i = 0; i < count; ++i) put(memory.back(), i, types[a], rows[i][a]);
  }
  memory.emplace_back(padded * 8);
  memory.emplace_back(padded * 8);
  std::vector<void*> arguments;
  for (auto& bytes : memory) arguments.push_back(bytes.data());
  run(k.kernel, arguments);
  int failures = 0;
  for (size_t i = 0; i < count && failures < 5; ++i) {
    const loop::Scalar expected = oracle(rows[i]);
    for (size_t form = 0; form < 2; ++form) {
      const loop::Scalar got = get(memory[types.size() + form], i, result);
      if (same(got, expected, result, ulps)) continue;
      std::string operands;
      for (size_t a = 0; a < types.size(); ++a) {
        operands += loop::is_floating(types[a]) ? fmt::format(" {}", rows[i][a].number)
                                                : fmt::format(" {}", rows[i][a].integer);
      }
      ADD_FAILURE() << what << " of" << operands << (form == 0 ? " as scalar: " : " as vector: ")
                    << fmt::format("{} {}, expected {} {}", got.integer, got.number, expected.integer,
                                   expected.number);
      ++failures;
    }
  }
}

struct OpRow {
  ScalarOp op;
  int arity;
  std::string_view domain, result;
  int cost;
};

const std::vector<OpRow>& op_rows() {
  static const std::vector<OpRow> rows = {
#define SINTER_ELEMENTWISE(name, arity, domain, result, cost, ...) \
  {ScalarOp::name, arity, #domain, #result, cost},
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
  };
  return rows;
}

bool takes(const OpRow& row, Type type) {
  if (row.domain == "any") return true;
  if (row.domain == "floating") return loop::is_floating(type);
  if (row.domain == "numeric") return type != Type::boolean;
  if (row.domain == "integral") return !loop::is_floating(type);
  return type == Type::boolean;
}

// libm rounds to within an ulp; the oracle computes f32 in double.
double tolerance(const OpRow& row) {
  constexpr int kPolynomial = 20;
  return row.cost >= kPolynomial || row.op == ScalarOp::rsqrt ? 2 : 0;
}

class Elementwise : public testing::TestWithParam<Type> {};

TEST_P(Elementwise, IsAsSpecified) {
  const Type type = GetParam();
  for (const OpRow& row : op_rows()) {
    if (!takes(row, type)) continue;
    const Type result = row.result == "logical" ? Type::boolean : type;
    expect_same(
        fmt::format("{} {}", loop::name(row.op), loop::name(type)),
        std::vector<Type>(static_cast<size_t>(row.arity), type), result,
        [&](const std::vector<Expr>& x) { return loop::apply(row.op, x); },
        [&](const std::vector<loop::Scalar>& x) { return loop::evaluate(row.op, type, result, x); },
        tolerance(row));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Elementwise,
                         testing::Values(Type::boolean, Type::i32, Type::i64, Type::f32, Type::f64),
                         [](const auto& type) { return std::string(loop::name(type.param)); });

TEST(ScalarOps, Casts) {
  const std::vector<Type> types = {Type::boolean, Type::i32, Type::i64, Type::f32, Type::f64};
  for (Type from : types) {
    for (Type to : types) {
      expect_same(
          fmt::format("cast {} to {}", loop::name(from), loop::name(to)), {from}, to,
          [&](const std::vector<Expr>& x) { return loop::cast(x[0], to); },
          [&](const std::vector<loop::Scalar>& x) { return loop::evaluate_cast(x[0], from, to); });
    }
  }
}

TEST(ScalarOps, CastsOfIndices) {
  for (Type from : {Type::i32, Type::i64}) {
    for (Type to : {Type::i32, Type::i64, Type::f32, Type::f64, Type::boolean}) {
      expect_same(
          "cast of an index", {from}, to,
          [&](const std::vector<Expr>& x) { return loop::cast(loop::cast(x[0], Type::index), to); },
          [&](const std::vector<loop::Scalar>& x) { return loop::evaluate_cast(x[0], Type::index, to); });
    }
  }
}

TEST(ScalarOps, Bitcasts) {
  for (const auto& types : {std::pair(Type::f32, Type::i32), std::pair(Type::i32, Type::f32),
                            std::pair(Type::f64, Type::i64), std::pair(Type::i64, Type::f64)}) {
    const Type from = types.first, to = types.second;
    expect_same(
        "bitcast", {from}, to, [&](const std::vector<Expr>& x) { return loop::bitcast(x[0], to); },
        [&](const std::vector<loop::Scalar>& x) { return loop::evaluate_bitcast(x[0], from); });
  }
}

TEST(ScalarOps, OnlyOfLoops) {
  for (Type type : {Type::f32, Type::f64, Type::i32, Type::i64, Type::boolean}) {
    expect_same(
        "select", {Type::boolean, type, type}, type,
        [](const std::vector<Expr>& x) { return loop::select(x[0], x[1], x[2]); },
        [&](const std::vector<loop::Scalar>& x) { return loop::evaluate(ScalarOp::select, type, type, x); });
  }
  for (Type type : {Type::f32, Type::f64}) {
    expect_same(
        "fma", {type, type, type}, type,
        [](const std::vector<Expr>& x) { return loop::apply(ScalarOp::fma, x); },
        [&](const std::vector<loop::Scalar>& x) { return loop::evaluate(ScalarOp::fma, type, type, x); });
  }
  expect_same(
      "mul_high", {Type::i32, Type::i32}, Type::i32,
      [](const std::vector<Expr>& x) { return loop::apply(ScalarOp::mul_high, x); },
      [](const std::vector<loop::Scalar>& x) {
        return loop::evaluate(ScalarOp::mul_high, Type::i32, Type::i32, x);
      });
  for (Type to : {Type::f32, Type::f64, Type::i64}) {
    expect_same(
        "to_unsigned", {Type::i32}, to,
        [&](const std::vector<Expr>& x) { return loop::apply_as(ScalarOp::to_unsigned, to, x); },
        [&](const std::vector<loop::Scalar>& x) {
          return loop::evaluate(ScalarOp::to_unsigned, Type::i32, to, x);
        });
  }
  for (Type type : {Type::i32, Type::i64}) {
    for (ScalarOp op : {ScalarOp::shift_left, ScalarOp::shift_right}) {
      for (int64_t count : {0, 1, 13, 31}) {
        expect_same(
            "shift", {type}, type,
            [&](const std::vector<Expr>& x) {
              return loop::apply(op, {x[0], loop::integer(count, type)});
            },
            [&](const std::vector<loop::Scalar>& x) {
              return loop::evaluate(op, type, type, std::vector<loop::Scalar>{x[0], {.integer = count}});
            });
      }
    }
  }
}

TEST(ScalarOps, ComparisonsOfIndicesAcrossLanes) {
  for (ScalarOp op : {ScalarOp::less, ScalarOp::less_equal, ScalarOp::greater, ScalarOp::greater_equal,
                      ScalarOp::equal, ScalarOp::not_equal}) {
    KernelBuilder k;
    const auto bound = k.input(Type::i64, 9), y = k.output(Type::boolean, 9 * 8),
               z = k.output(Type::boolean, 9 * 8);
    k.kernel.parts = {serial(9, [&](const Expr& i) {
      const Expr b = loop::cast(loop::load(bound, i), Type::index);
      return vector(8, [&](const Expr& lane) {
        return loop::block({
            loop::store(y, i * 8 + lane, loop::apply(op, {lane * 3, b})),
            loop::store(z, i * 8 + lane, loop::apply(op, {b, lane * 2 + b - 6})),
        });
      });
    })};
    std::vector<int64_t> bounds = {0, -1, 1, 8, 21, 22, int64_t{1} << 40, -(int64_t{1} << 40), 9};
    std::vector<uint8_t> got(72), got2(72);
    run(k.kernel, {raw(bounds), raw(got), raw(got2)});
    for (int64_t i = 0; i < 72; ++i) {
      const int64_t b = bounds[static_cast<size_t>(i / 8)], lane = i % 8;
      const auto expected = [&](int64_t u, int64_t v) {
        return loop::evaluate(op, Type::index, Type::boolean,
                              std::vector<loop::Scalar>{{.integer = u}, {.integer = v}})
            .integer;
      };
      EXPECT_EQ(got[static_cast<size_t>(i)], expected(lane * 3, b)) << loop::name(op) << " " << b;
      EXPECT_EQ(got2[static_cast<size_t>(i)], expected(b, lane * 2 + b - 6)) << loop::name(op) << " " << b;
    }
  }
}

}  // namespace
}  // namespace sinter::cpu::test
