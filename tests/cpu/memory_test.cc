#include <gtest/gtest.h>

#include <numeric>

#include "tests/cpu/run_kernel.h"

// Loads, stores, masks, local buffers.
namespace sinter::cpu::test {
namespace {

std::vector<float> counting(size_t count, float first = 1) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

TEST(Memory, MapsInVectors) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 64), y = k.output(Type::f32, 64);
  k.kernel.parts = {parallel(8, [&](const Expr& i) {
    return vector(8, [&](const Expr& lane) {
      const Expr at = i * 8 + lane;
      return loop::store(y, at, loop::load(x, at) * loop::load(x, at) + loop::number(1, Type::f32));
    });
  })};
  auto in = counting(64);
  std::vector<float> out(64);
  run(k.kernel, {raw(in), raw(out)});
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(out[i], in[i] * in[i] + 1);
}

TEST(Memory, InactiveLanesTouchNothing) {
  for (int64_t n : {1, 3, 8, 13, 16, 21}) {
    KernelBuilder k;
    const auto x = k.input(Type::f32, n), y = k.output(Type::f32, n);
    k.kernel.parts = {serial((n + 7) / 8, [&](const Expr& i) {
      return vector_until(i * 8, 8, loop::integer(n), [&](const Expr& at) {
        return loop::store(y, at, loop::load(x, at) + loop::number(1, Type::f32));
      });
    })};
    auto in = counting(static_cast<size_t>(n));
    std::vector<float> out(32, -1);
    run(k.kernel, {raw(in), raw(out)});
    for (size_t i = 0; i < 32; ++i) EXPECT_EQ(out[i], i < static_cast<size_t>(n) ? in[i] + 1 : -1) << n;
  }
}

TEST(Memory, PredicatesGuardEachLane) {
  for (Type type : {Type::f32, Type::f64, Type::i32, Type::i64, Type::boolean}) {
    KernelBuilder k;
    const auto x = k.input(type, 13), y = k.output(Type::i32, 24);
    // Reads at -3 .. 20 of what has elements 0 .. 12.
    k.kernel.parts = {serial(3, [&](const Expr& i) {
      return vector(8, [&](const Expr& lane) {
        const Expr at = i * 8 + lane - 3;
        const Expr inside = at >= loop::integer(0) && at < loop::integer(13);
        return loop::store(y, i * 8 + lane, loop::cast(loop::load(x, at, inside), Type::i32));
      });
    })};
    std::vector<std::byte> in(static_cast<size_t>(13 * size_in_bytes(type)));
    for (size_t i = 0; i < 13; ++i) {
      const auto put = [&](auto value) { std::memcpy(in.data() + i * sizeof(value), &value, sizeof(value)); };
      if (type == Type::f32) put(static_cast<float>(i + 1));
      if (type == Type::f64) put(static_cast<double>(i + 1));
      if (type == Type::i32) put(static_cast<int32_t>(i + 1));
      if (type == Type::i64) put(static_cast<int64_t>(i + 1));
      if (type == Type::boolean) put(static_cast<uint8_t>(1));
    }
    std::vector<int32_t> out(24);
    run(k.kernel, {raw(in), raw(out)});
    for (int i = 0; i < 24; ++i) {
      const int expected = i >= 3 && i < 16 ? (type == Type::boolean ? 1 : i - 2) : 0;
      EXPECT_EQ(out[static_cast<size_t>(i)], expected) << name(type);
    }
  }
}

TEST(Memory, AScalarPredicateGuardsMemoryThatIsNotThere) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 1), flag = k.input(Type::boolean, 1), y = k.output(Type::f32, 2);
  const auto place = k.input(Type::i64, 1);
  const Expr far = loop::cast(loop::load(place, loop::integer(0)), Type::index);
  const Expr on = loop::load(flag, loop::integer(0));
  k.kernel.parts = {loop::block({
      loop::store(y, loop::integer(0), loop::load(x, far, on)),
      loop::store(y, far, loop::number(7, Type::f32), on),
  })};
  std::vector<float> in = {5}, out = {1, 2};
  std::vector<uint8_t> off = {0};
  std::vector<int64_t> nowhere = {int64_t{1} << 40};
  run(k.kernel, {raw(in), raw(off), raw(out), raw(nowhere)});
  EXPECT_EQ(out, (std::vector<float>{0, 2}));
}

TEST(Memory, GathersAndScatters) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 64), ids = k.input(Type::i32, 8);
  const auto strided = k.output(Type::f32, 8), gathered = k.output(Type::f32, 8),
             scattered = k.output(Type::f32, 64);
  const auto reversed = k.output(Type::f32, 8), divided = k.output(Type::f32, 8);
  k.kernel.parts = {vector(8, [&](const Expr& lane) {
    const Expr id = loop::cast(loop::load(ids, lane), Type::index);
    return loop::block({
        loop::store(strided, lane, loop::load(x, lane * 3 + 2)),
        loop::store(gathered, lane, loop::load(x, id)),
        loop::store(reversed, lane, loop::load(x, loop::integer(7) - lane)),
        loop::store(divided, lane, loop::load(x, lane / 3 * 5 + lane % 3)),
        loop::store(scattered, id, loop::cast(lane, Type::f32)),
        loop::store(scattered, lane * 2 + 40, loop::cast(lane, Type::f32)),
    });
  })};
  auto in = counting(64, 0);
  std::vector<int32_t> where = {5, 0, 31, 7, 7, 2, 9, 30};
  std::vector<float> a(8), b(8), c(64, -1), d(8), e(8);
  run(k.kernel, {raw(in), raw(where), raw(a), raw(b), raw(c), raw(d), raw(e)});
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(a[i], static_cast<float>(3 * i + 2));
    EXPECT_EQ(b[i], static_cast<float>(where[i]));
    EXPECT_EQ(d[i], static_cast<float>(7 - i));
    EXPECT_EQ(e[i], static_cast<float>(i / 3 * 5 + i % 3));
    EXPECT_EQ(c[40 + 2 * i], static_cast<float>(i));
    EXPECT_EQ(c[41 + 2 * i], -1);
  }
  EXPECT_EQ(c[7], 4);  // the last lane stays
  EXPECT_EQ(c[31], 2);
}

template <typename T>
void expect_turned(Type type, int64_t size, int64_t stride) {
  SCOPED_TRACE(testing::Message() << size << ", stride " << stride);
  KernelBuilder k;
  const auto x = k.input(type, size * size + 3), y = k.output(type, size * stride + 1);
  k.kernel.parts = {unrolled(size, [&](const Expr& i) {
    return vector(size, [&](const Expr& lane) {
      const Expr from = i * size + lane;
      return loop::block(
          {loop::prefetch(x, from + 64), loop::store(y, lane * stride + i + 1, loop::load(x, from + 3))});
    });
  })};
  std::vector<T> in(static_cast<size_t>(size * size + 3)), out(static_cast<size_t>(size * stride + 1), T(-1));
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<T>(i);
  run(k.kernel, {raw(in), raw(out)});
  for (int64_t at = 0; at < size * stride; ++at) {
    const int64_t lane = at / stride, i = at % stride;
    const T expected = i < size ? static_cast<T>(i * size + lane + 3) : T(-1);
    ASSERT_EQ(out[static_cast<size_t>(at + 1)], expected) << at;
  }
}

TEST(Memory, SquaresAreTurned) {
  for (int64_t size : {3, 4, 8, 16}) {
    for (int64_t stride : {size, size + 1, 4 * size}) {
      expect_turned<float>(Type::f32, size, stride);
      expect_turned<double>(Type::f64, size, stride);
      expect_turned<int32_t>(Type::i32, size, stride);
    }
  }
}

// What is written first is read later: no square to be turned at once.
TEST(Memory, ASquareThatReadsItselfIsNotTurnedAtOnce) {
  KernelBuilder k;
  const auto y = k.output(Type::f32, 80);
  k.kernel.parts = {unrolled(8, [&](const Expr& i) {
    return vector(8, [&](const Expr& lane) {
      return loop::store(y, lane * 8 + i + 8, loop::load(y, lane + i * 8) + loop::number(1, Type::f32));
    });
  })};
  std::vector<float> out(80), expected(80);
  std::iota(out.begin(), out.end(), 0.f);
  expected = out;
  for (size_t i = 0; i < 8; ++i) {
    std::vector<float> row(expected.begin() + static_cast<long>(i * 8),
                           expected.begin() + static_cast<long>(i * 8 + 8));
    for (size_t lane = 0; lane < 8; ++lane) expected[lane * 8 + i + 8] = row[lane] + 1;
  }
  run(k.kernel, {raw(out)});
  EXPECT_EQ(out, expected);
}

TEST(Memory, GathersOnlyInActiveLanes) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 10), ids = k.input(Type::i32, 8), y = k.output(Type::f32, 10);
  k.kernel.parts = {vector(8, [&](const Expr& lane) {
    const Expr id = loop::cast(loop::load(ids, lane), Type::index);
    const Expr inside = id >= loop::integer(0) && id < loop::integer(10);
    return loop::store(y, id, loop::load(x, id, inside) + loop::number(1, Type::f32), inside);
  })};
  auto in = counting(10, 0);
  std::vector<int32_t> where = {5, -1000000, 2000000000, 7, 1, 2, 9, 10};
  std::vector<float> out(10, -1);
  run(k.kernel, {raw(in), raw(where), raw(out)});
  EXPECT_EQ(out, (std::vector<float>{-1, 2, 3, -1, -1, 6, -1, 8, -1, 10}));
}

TEST(Memory, ALetMayBeLinearInTheLane) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 32), y = k.output(Type::f32, 32);
  const auto at = loop::make_variable("at");
  k.kernel.parts = {serial(4, [&](const Expr& i) {
    return vector(8, [&](const Expr& lane) {
      return loop::let(
          at, loop::integer(31) - (i * 8 + lane),
          loop::store(y, loop::integer(31) - loop::variable(at), loop::load(x, loop::variable(at))));
    });
  })};
  auto in = counting(32, 0);
  std::vector<float> out(32);
  run(k.kernel, {raw(in), raw(out)});
  for (size_t i = 0; i < 32; ++i) EXPECT_EQ(out[i], in[31 - i]);
}

TEST(Memory, BoolsAreBytes) {
  KernelBuilder k;
  const auto x = k.input(Type::boolean, 9), y = k.output(Type::boolean, 9);
  k.kernel.parts = {loop::block({
      vector_until(loop::integer(0), 8, loop::integer(7),
                   [&](const Expr& i) {
                     return loop::store(y, i, loop::apply(ScalarOp::logical_not, {loop::load(x, i)}));
                   }),
      loop::store(y, loop::integer(8), loop::load(x, loop::integer(8))),
  })};
  std::vector<uint8_t> in = {1, 0, 1, 255, 0, 0, 1, 0, 2}, out(9, 9);
  run(k.kernel, {raw(in), raw(out)});
  EXPECT_EQ(out, (std::vector<uint8_t>{0, 1, 0, 0, 1, 1, 0, 9, 1}));
}

TEST(Memory, LocalBuffersLargeAndSmall) {
  for (int64_t size : {16, 4096, 100000}) {
    KernelBuilder k;
    const auto y = k.output(Type::f32, 16);
    const auto a = local(Type::f32, size), b = local(Type::f32, size);
    const auto fill = [&](const loop::BufferRef& buffer, int64_t factor) {
      return serial(size,
                    [&](const Expr& i) { return loop::store(buffer, i, loop::cast(i * factor, Type::f32)); });
    };
    Stmt body = parallel(16, [&](const Expr& p) {
      return loop::block({
          fill(a, 1),
          fill(b, 2),
          loop::store(y, p, loop::load(a, p) + loop::load(b, loop::integer(size - 1) - p)),
      });
    });
    k.kernel.parts = {loop::allocate(a, loop::allocate(b, body))};
    k.kernel.flops = 1e9;
    std::vector<float> out(16);
    run(k.kernel, {raw(out)}, {.threads = 3});
    for (size_t p = 0; p < 16; ++p) {
      EXPECT_EQ(out[p], static_cast<float>(p) + static_cast<float>(2 * (static_cast<size_t>(size) - 1 - p)));
    }
  }
}

TEST(Memory, ArgumentsMayBeTheSameMemory) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 32), y = k.output(Type::f32, 32);
  k.kernel.parts = {serial(4, [&](const Expr& i) {
    return vector(8, [&](const Expr& lane) {
      const Expr at = i * 8 + lane;
      return loop::block({
          loop::store(y, at, loop::load(x, at) + loop::number(1, Type::f32)),
          loop::store(y, at, loop::load(x, at) * loop::number(2, Type::f32)),
      });
    });
  })};
  auto both = counting(32);
  run(k.kernel, {raw(both), raw(both)});
  for (size_t i = 0; i < 32; ++i) EXPECT_EQ(both[i], (static_cast<float>(i + 1) + 1) * 2);
}

}  // namespace
}  // namespace sinter::cpu::test
