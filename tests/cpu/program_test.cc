#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backends/cpu/compile/pieces.h"
#include "runtime/error.h"
#include "runtime/random.h"
#include "tests/cpu/run_kernel.h"
#include "tests/support/message_of.h"

// Whole programs: steps, state, faults, context.
namespace sinter::cpu::test {
namespace {

loop::Slot slot(loop::Slot::Kind kind, Type type, int64_t elements, int64_t ordinal = 0, int64_t offset = 0) {
  loop::Slot result;
  result.kind = kind;
  result.type = type;
  result.elements = elements;
  result.ordinal = ordinal;
  result.offset = offset;
  return result;
}

loop::Step launch(size_t kernel, std::vector<loop::Argument> arguments, bool writes_state = false) {
  loop::Step step;
  step.kernel = kernel;
  step.arguments = std::move(arguments);
  step.writes_state = writes_state;
  return step;
}

// y[i] = x[i] + 1
loop::Kernel increment(int64_t size) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, size), y = k.output(Type::f32, size);
  k.kernel.parts = {parallel(
      size, [&](const Expr& i) { return loop::store(y, i, loop::load(x, i) + loop::number(1, Type::f32)); })};
  return k.kernel;
}

TEST(Program, StepsRunInOrderThroughTheArena) {
  loop::Program program;
  program.inputs = {{"x", {}}};
  program.outputs = {{"y", {}}};
  program.kernels = {increment(20), increment(20)};
  program.arena_bytes = 256;
  program.slots = {slot(loop::Slot::Kind::input, Type::f32, 20),
                   slot(loop::Slot::Kind::output, Type::f32, 20),
                   slot(loop::Slot::Kind::arena, Type::f32, 20, 0, 0),
                   slot(loop::Slot::Kind::arena, Type::f32, 20, 0, 128)};
  program.steps = {launch(0, {{0}, {2}}), launch(1, {{2}, {3}}), launch(0, {{3}, {1}})};
  std::vector<float> x(20, 5), y(20);
  runtime::HostState state({});
  run(program, {raw(x)}, {raw(y)}, state);
  EXPECT_EQ(y, std::vector<float>(20, 8));
}

TEST(Program, RepeatsMoveTheirArguments) {
  for (bool reverse : {false, true}) {
    // carry = carry * 2 + x[t]; y[t] = carry
    KernelBuilder k;
    const auto x = k.input(Type::f32, 1), y = k.output(Type::f32, 1), carry = k.output(Type::f32, 1);
    const Expr zero = loop::integer(0);
    k.kernel.parts = {loop::block({
        loop::store(carry, zero, loop::load(carry, zero) * loop::number(2, Type::f32) + loop::load(x, zero)),
        loop::store(y, zero, loop::load(carry, zero)),
    })};
    loop::Program program;
    program.inputs = {{"x", {}}};
    program.outputs = {{"y", {}}};
    program.kernels = {k.kernel};
    program.slots = {slot(loop::Slot::Kind::input, Type::f32, 12),
                     slot(loop::Slot::Kind::output, Type::f32, 12),
                     slot(loop::Slot::Kind::state, Type::f32, 1)};
    loop::Step inner, outer;
    inner.kind = outer.kind = loop::Step::Kind::repeat;
    outer.count = 4;
    inner.count = 3;
    inner.reverse = outer.reverse = reverse;
    inner.body = {launch(0, {{0, 0, {3, 1}}, {1, 0, {3, 1}}, {2}}, true)};
    outer.body = {inner};
    program.steps = {outer};
    std::vector<float> in(12), out(12);
    for (size_t i = 0; i < 12; ++i) in[i] = static_cast<float>(i);
    runtime::HostState state({{"carry", runtime::DType::f32, {}}});
    run(program, {raw(in)}, {raw(out)}, state);
    float expected = 0;
    for (size_t i = 0; i < 12; ++i) {
      const size_t t = reverse ? 11 - i : i;
      expected = expected * 2 + in[t];
      EXPECT_EQ(out[t], expected);
    }
    EXPECT_EQ(state.get("carry").values<float>()[0], expected);
  }
}

TEST(Program, ConstantsCarryTheirBytes) {
  loop::Program program;
  program.outputs = {{"y", {}}};
  program.kernels = {increment(2)};
  program.slots = {slot(loop::Slot::Kind::constant, Type::f32, 2),
                   slot(loop::Slot::Kind::output, Type::f32, 2)};
  const float values[] = {3, 4};
  program.slots[0].data.resize(sizeof(values));
  std::memcpy(program.slots[0].data.data(), values, sizeof(values));
  program.steps = {launch(0, {{0}, {1}})};
  std::vector<float> y(2);
  runtime::HostState state({});
  run(program, {}, {raw(y)}, state);
  EXPECT_EQ(y, (std::vector<float>{4, 5}));
}

// Checks x in vectors at site 1 and from the back at site 0, then adds one to the state.
loop::Program checking_program(int64_t size) {
  KernelBuilder k;
  const auto x = k.input(Type::i32, size);
  const auto f = k.input(Type::f32, size);
  k.kernel.flops = 1e9;
  k.kernel.parts = {parallel((size + 7) / 8, [&](const Expr& i) {
    return vector_until(i * 8, 8, loop::integer(size), [&](const Expr& at) {
      const Expr value = loop::load(x, at), number = loop::load(f, at);
      return loop::block({
          loop::fault(value >= loop::integer(100, Type::i32), 1, at, value),
          loop::fault(loop::apply(ScalarOp::logical_not, {loop::apply(ScalarOp::is_finite, {number})}), 0, at,
                      number),
      });
    });
  })};
  loop::Program program;
  program.inputs = {{"x", {}}, {"f", {}}};
  program.kernels = {k.kernel, increment(1)};
  program.slots = {slot(loop::Slot::Kind::input, Type::i32, size, 0),
                   slot(loop::Slot::Kind::input, Type::f32, size, 1),
                   slot(loop::Slot::Kind::state, Type::f32, 1)};
  program.steps = {launch(0, {{0}, {1}}), launch(1, {{2}, {2}}, true)};
  program.faults = {{loop::FaultSite::Kind::finite, "check", "loss", {size}, 0, "train.cpp:30"},
                    {loop::FaultSite::Kind::index, "gather", "ids", {size / 10, 10}, 100, "model.cpp:12"}};
  return program;
}

TEST(Program, TheFirstFaultIsToldAndStateStays) {
  constexpr size_t kSize = 1000;
  const loop::Program program = checking_program(kSize);
  for (int threads : {1, 2, 3, 7}) {
    std::vector<int32_t> x(kSize, 5);
    std::vector<float> f(kSize, 1);
    runtime::HostState state({{"count", runtime::DType::f32, {}}});
    const auto message = [&]() -> std::string {
      try {
        run(program, {raw(x), raw(f)}, {}, state, {.threads = threads});
      } catch (const RuntimeError& error) {
        return error.what();
      }
      return "";
    };
    EXPECT_EQ(message(), "");
    EXPECT_EQ(state.get("count").values<float>()[0], 1);
    x[723] = 100;
    x[725] = 1000;
    x[999] = 7000;
    EXPECT_EQ(message(), "gather: index 100 at position [72,3] of 'ids' is outside [0,100) (model.cpp:12)");
    f[998] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(message(), "loss is not finite: -inf at position [998] (train.cpp:30)");
    EXPECT_EQ(state.get("count").values<float>()[0], 1);
    x.assign(kSize, 99);
    f[998] = 0;
    EXPECT_EQ(message(), "");
    EXPECT_EQ(state.get("count").values<float>()[0], 2);
  }
}

// Parts and kernels that are told apart by their sites alone.
TEST(Program, ChecksOfOneKindAreOnePiece) {
  constexpr int64_t kSize = 1000;
  KernelBuilder pair, single;
  const auto add_check = [](KernelBuilder& k, int64_t site) {
    const auto x = k.input(Type::i32, kSize);
    k.kernel.flops = 1e9;
    k.kernel.parts.push_back(parallel(kSize, [&](const Expr& i) {
      const Expr value = loop::load(x, i);
      return loop::block({loop::fault(value >= loop::integer(100, Type::i32), site + 1, i, value),
                          loop::fault(value < loop::integer(0, Type::i32), site, i, value)});
    }));
  };
  add_check(pair, 2);
  add_check(pair, 0);
  add_check(single, 4);
  loop::Program program;
  program.kernels = {pair.kernel, single.kernel};
  for (size_t i = 0; i < 3; ++i) {
    program.inputs.push_back({fmt::format("x{}", i), {}});
    program.slots.push_back(slot(loop::Slot::Kind::input, Type::i32, kSize, static_cast<int64_t>(i)));
  }
  program.steps = {launch(1, {{2}}), launch(0, {{0}, {1}})};
  for (int site = 0; site < 6; ++site) {
    program.faults.push_back(
        {loop::FaultSite::Kind::index, "gather", fmt::format("site {}", site), {kSize}, 100, "here"});
  }
  EXPECT_EQ(cut(program).pieces.size(), 1u);
  for (int threads : {1, 3}) {
    std::vector<int32_t> x[3] = {std::vector<int32_t>(kSize, 5), std::vector<int32_t>(kSize, 5),
                                 std::vector<int32_t>(kSize, 5)};
    const auto check = [&](size_t input, int32_t value, int site) {
      x[input][700] = value;
      runtime::HostState state({});
      EXPECT_EQ(message_of([&] {
                  run(program, {raw(x[0]), raw(x[1]), raw(x[2])}, {}, state, {.threads = threads});
                }),
                fmt::format("gather: index {} at position [700] of 'site {}' is outside [0,100) (here)",
                            value, site));
    };
    check(2, 100, 5);
    check(2, -1, 4);
    check(0, 101, 3);
    check(0, -2, 2);
    check(1, 102, 1);
    check(1, -3, 0);
  }
}

TEST(Program, RejectsStateAndCallsOfAnother) {
  const loop::Program program = checking_program(10);
  std::vector<int32_t> x(10);
  std::vector<float> f(10);
  runtime::HostState empty({});
  EXPECT_THROW(run(program, {raw(x), raw(f)}, {}, empty), RuntimeError);
  runtime::HostState state({{"count", runtime::DType::f32, {}}});
  EXPECT_THROW(run(program, {raw(x)}, {}, state), RuntimeError);
}

Expr u32(uint32_t value) {
  return loop::integer(static_cast<int32_t>(value), Type::i32);
}

Expr mix32(Expr x) {
  const auto shifted = [](const Expr& v, int64_t count) {
    return loop::apply(ScalarOp::logical_xor,
                       {v, loop::apply(ScalarOp::shift_right, {v, loop::integer(count, Type::i32)})});
  };
  x = shifted(x, 16) * u32(0x85ebca6bu);
  x = shifted(x, 13) * u32(0xc2b2ae35u);
  return shifted(x, 16);
}

TEST(Program, RandomBitsFromTheContext) {
  const auto exclusive_or = [](const Expr& a, const Expr& b) {
    return loop::apply(ScalarOp::logical_xor, {a, b});
  };
  KernelBuilder k;
  const auto y = k.output(Type::i32, 64);
  k.kernel.parts = {parallel(8, [&](const Expr& i) {
    return vector(8, [&](const Expr& lane) {
      const Expr at = i * 8 + lane;
      Expr key = mix32(
          exclusive_or(loop::context(loop::ContextValue::seed_low),
                       mix32(exclusive_or(loop::context(loop::ContextValue::seed_high), mix32(u32(77))))));
      Expr c0 = loop::cast(at, Type::i32);
      Expr c1 = mix32(
          exclusive_or(loop::context(loop::ContextValue::step), mix32(exclusive_or(u32(5), mix32(u32(0))))));
      for (int round = 0; round < 10; ++round) {
        const Expr high = loop::apply(ScalarOp::mul_high, {u32(0xd256d193u), c0});
        const Expr low = u32(0xd256d193u) * c0;
        c0 = exclusive_or(exclusive_or(high, key), c1);
        c1 = low;
        key = key + u32(0x9e3779b9u);
      }
      return loop::store(y, at, c0);
    });
  })};
  std::vector<int32_t> out(64);
  const uint64_t seed = 0x123456789abcdef0u;
  run(k.kernel, {raw(out)}, {.seed = seed, .step = 42});
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(static_cast<uint32_t>(out[i]), runtime::random_bits({seed, 42, 77, 5}, i).first);
  }
}

TEST(Program, ManyKernelsCompileOnSeveralThreads) {
  loop::Program program;
  program.outputs = {{"y", {}}};
  program.slots = {slot(loop::Slot::Kind::output, Type::f32, 40)};
  for (int64_t i = 0; i < 40; ++i) {
    KernelBuilder k;
    const auto y = k.output(Type::f32, 40);
    // Every second one is the same.
    const Expr number = loop::number(i % 2 == 0 ? 7 : static_cast<double>(i), Type::f32);
    k.kernel.parts = {loop::store(y, loop::integer(0), number)};
    program.kernels.push_back(k.kernel);
    program.steps.push_back(launch(static_cast<size_t>(i), {{0, i, {}}}));
  }
  std::vector<float> y(40);
  runtime::HostState state({});
  run(program, {}, {raw(y)}, state, {.threads = 3});
  for (size_t i = 0; i < 40; ++i) EXPECT_EQ(y[i], i % 2 == 0 ? 7 : static_cast<float>(i));
}

}  // namespace
}  // namespace sinter::cpu::test
