#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "backends/cpu/compile/sanitize.h"
#include "tests/cpu/run_kernel.h"

// Reductions over lanes, rows, and tiles of a product.
namespace sinter::cpu::test {
namespace {

TEST(Lanes, SumsAreATreeOfHalves) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 8), y = k.output(Type::f32, 1);
  k.kernel.parts = {vector(8, [&](const Expr& lane) {
    return loop::store(y, loop::integer(0), loop::apply(ScalarOp::lane_sum, {loop::load(x, lane)}));
  })};
  std::vector<float> in = {1e8f, 3, -1e8f, 0.5f, 7, -1e8f, 1e8f, 11}, out(1);
  run(k.kernel, {raw(in), raw(out)});
  const auto half = [](std::vector<float> v) {
    while (v.size() > 1) {
      const size_t n = v.size() / 2;
      for (size_t i = 0; i < n; ++i) v[i] += v[n + i];
      v.resize(n);
    }
    return v[0];
  };
  EXPECT_EQ(out[0], half(in));
}

TEST(Lanes, ReduceOnlyWhatIsActive) {
  for (int64_t lanes : {1, 2, 3, 5, 8, 16}) {
    for (int64_t active = 1; active <= lanes; ++active) {
      KernelBuilder k;
      const auto x = k.input(Type::i32, active), f = k.input(Type::f32, active);
      const auto y = k.output(Type::i32, 3), g = k.output(Type::f32, 3);
      const auto limit = k.input(Type::i64, 1);
      const Expr end = loop::cast(loop::load(limit, loop::integer(0)), Type::index);
      k.kernel.parts = {vector_until(loop::integer(0), lanes, end, [&](const Expr& lane) {
        std::vector<Stmt> stores;
        int64_t at = 0;
        for (ScalarOp op : {ScalarOp::lane_sum, ScalarOp::lane_max, ScalarOp::lane_min}) {
          stores.push_back(loop::store(y, loop::integer(at), loop::apply(op, {loop::load(x, lane)})));
          stores.push_back(loop::store(g, loop::integer(at), loop::apply(op, {loop::load(f, lane)})));
          ++at;
        }
        return loop::block(stores);
      })};
      std::vector<int32_t> in(static_cast<size_t>(active)), out(3);
      for (int64_t i = 0; i < active; ++i)
        in[static_cast<size_t>(i)] = static_cast<int32_t>((i * 37) % 11 - 20);
      std::vector<float> fin(in.begin(), in.end()), fout(3);
      std::vector<int64_t> count = {active};
      run(k.kernel, {raw(in), raw(fin), raw(out), raw(fout), raw(count)});
      const std::vector<int32_t> expected = {std::accumulate(in.begin(), in.end(), 0),
                                             *std::max_element(in.begin(), in.end()),
                                             *std::min_element(in.begin(), in.end())};
      EXPECT_EQ(out, expected) << lanes << " " << active;
      EXPECT_EQ(fout, std::vector<float>(expected.begin(), expected.end())) << lanes << " " << active;
    }
  }
}

TEST(Lanes, MaximaKeepNan) {
  for (size_t where = 0; where < 8; ++where) {
    KernelBuilder k;
    const auto x = k.input(Type::f32, 8), y = k.output(Type::f32, 2);
    k.kernel.parts = {vector(8, [&](const Expr& lane) {
      return loop::block(
          {loop::store(y, loop::integer(0), loop::apply(ScalarOp::lane_max, {loop::load(x, lane)})),
           loop::store(y, loop::integer(1), loop::apply(ScalarOp::lane_min, {loop::load(x, lane)}))});
    })};
    std::vector<float> in = {1, 2, -3, 4, 5, 6, 7, 8}, out(2);
    in[where] = std::numeric_limits<float>::quiet_NaN();
    run(k.kernel, {raw(in), raw(out)});
    EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[1])) << where;
  }
}

TEST(Lanes, RowSums) {
  constexpr int64_t kRows = 13, kColumns = 37;
  KernelBuilder k;
  const auto x = k.input(Type::f32, kRows * kColumns), y = k.output(Type::f32, kRows);
  const auto sums = local(Type::f32, 8);
  k.kernel.flops = 1e9;
  const auto add = [&](const Expr& row, const Expr& from, const Expr& lane) {
    const Expr column = from + lane;
    const Expr inside = column < loop::integer(kColumns);
    return loop::store(sums, lane, loop::load(sums, lane) + loop::load(x, row * kColumns + column, inside));
  };
  k.kernel.parts = {loop::allocate(
      sums, parallel(kRows, [&](const Expr& row) {
        return loop::block({
            vector(8, [&](const Expr& lane) { return loop::store(sums, lane, loop::number(0, Type::f32)); }),
            serial(5,
                   [&](const Expr& j) {
                     return vector(8, [&](const Expr& lane) { return add(row, j * 8, lane); });
                   }),
            vector(8,
                   [&](const Expr& lane) {
                     return loop::store(y, row, loop::apply(ScalarOp::lane_sum, {loop::load(sums, lane)}));
                   }),
        });
      }))};
  std::vector<float> in(kRows * kColumns), out(kRows), again(kRows);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 17) - 5;
  run(k.kernel, {raw(in), raw(out)});
  for (size_t row = 0; row < kRows; ++row) {
    const auto begin = in.begin() + static_cast<ptrdiff_t>(row * kColumns);
    EXPECT_EQ(out[row], std::accumulate(begin, begin + kColumns, 0.0f));
  }
  run(k.kernel, {raw(in), raw(again)}, {.threads = 3});
  EXPECT_EQ(out, again);
}

// C += A B in tiles of 6 x 16, the sums in registers while k runs.
loop::Kernel tile_kernel(int64_t depth) {
  constexpr int64_t kRows = 6, kColumns = 16, kUnroll = 4;
  KernelBuilder k;
  const auto a = k.input(Type::f32, kRows * depth), b = k.input(Type::f32, depth * kColumns);
  const auto c = k.output(Type::f32, kRows * kColumns);
  const auto sums = local(Type::f32, kRows * kColumns);
  const auto each = [&](const std::function<Stmt(const Expr& i, const Expr& j)>& body) {
    return unrolled(
        kRows, [&](const Expr& i) { return vector(kColumns, [&](const Expr& j) { return body(i, j); }); });
  };
  const auto step = [&](const Expr& p) {
    return each([&](const Expr& i, const Expr& j) {
      const Expr at = i * kColumns + j;
      return loop::store(sums, at,
                         loop::apply(ScalarOp::fma, {loop::load(a, i * depth + p),
                                                     loop::load(b, p * kColumns + j), loop::load(sums, at)}));
    });
  };
  k.kernel.parts = {loop::allocate(
      sums, loop::block({
                each([&](const Expr& i, const Expr& j) {
                  return loop::store(sums, i * kColumns + j, loop::number(0, Type::f32));
                }),
                serial(depth / kUnroll,
                       [&](const Expr& p) {
                         return unrolled(kUnroll, [&](const Expr& q) { return step(p * kUnroll + q); });
                       }),
                each([&](const Expr& i, const Expr& j) {
                  return loop::store(c, i * kColumns + j, loop::load(sums, i * kColumns + j));
                }),
            }))};
  return k.kernel;
}

TEST(Lanes, TilesOfAProduct) {
  constexpr size_t kDepth = 64;
  std::vector<float> a(6 * kDepth), b(kDepth * 16), c(6 * 16);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 7) - 3;
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 5) - 2;
  run(tile_kernel(kDepth), {raw(a), raw(b), raw(c)});
  for (size_t i = 0; i < 6; ++i) {
    for (size_t j = 0; j < 16; ++j) {
      float expected = 0;
      for (size_t p = 0; p < kDepth; ++p) expected += a[i * kDepth + p] * b[p * 16 + j];
      EXPECT_EQ(c[i * 16 + j], expected);
    }
  }
}

TEST(Lanes, TheSumsOfATileStayInRegisters) {
  if (kSanitizer != Sanitizer::none) GTEST_SKIP() << "a sanitizer's checks take registers";
  const Machine sixteen_of_32_bytes{"x86_64-unknown-linux-gnu", "x86-64-v3"};
  const std::string code = emit_asm(program_of(tile_kernel(64)), sixteen_of_32_bytes);
  const size_t begin = code.find(".body:"), end = code.find(".Lfunc_end", begin);
  ASSERT_NE(begin, std::string::npos);
  size_t products = 0;
  for (size_t at = begin; (at = code.find("vfmadd", at + 1)) < end;) ++products;
  EXPECT_EQ(products, 12u * 4);
  EXPECT_GE(code.find("(%rsp)", begin), end) << code.substr(begin, end - begin);
}

}  // namespace
}  // namespace sinter::cpu::test
