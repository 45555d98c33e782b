#include "ir/loop/interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "ir/error.h"

namespace sinter::loop {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

BufferRef input(const char* name, int64_t size, Type type = Type::f32) {
  return std::make_shared<const Buffer>(Buffer{name, type, size});
}
BufferRef output(const char* name, int64_t size, Type type = Type::f32) {
  return std::make_shared<const Buffer>(Buffer{.name = name, .type = type, .size = size, .written = true});
}
BufferRef local(const char* name, int64_t size) {
  return std::make_shared<const Buffer>(Buffer{name, Type::f32, size, Space::local});
}
BufferRef shared(const char* name, int64_t size) {
  return std::make_shared<const Buffer>(Buffer{name, Type::f32, size, Space::shared});
}
Stmt over(LoopKind kind, const VariableRef& v, int64_t extent, const Stmt& body, Expr limit = nullptr) {
  return loop(kind, v, integer(0), integer(extent), body, std::move(limit));
}
Expr zero() {
  return number(0, Type::f32);
}
std::vector<float> counting(size_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

class InterpreterTest : public testing::Test {
 protected:
  template <typename... Memory>
  std::vector<Fault> run(std::vector<BufferRef> arguments, const Stmt& body, Memory&... memory) const {
    const std::vector<void*> pointers = {memory.data()...};
    return interpret(Kernel{.name = "k", .arguments = std::move(arguments), .parts = {body}}, pointers);
  }

  VariableRef i_ = make_variable("i"), j_ = make_variable("j"), k_ = make_variable("k"),
              v_ = make_variable("v");
  Expr i = variable(i_), j = variable(j_), k = variable(k_), v = variable(v_);
};

TEST_F(InterpreterTest, RunsMaps) {
  const BufferRef x = input("x", 20), y = output("y", 20);
  std::vector<float> in = counting(20), out(20, -1);
  run({x, y},
      over(LoopKind::parallel, i_, 3,
           loop(LoopKind::vector, v_, i * 8, integer(8), store(y, v, load(x, v) * number(2, Type::f32)),
                integer(18))),
      in, out);
  for (size_t n = 0; n < 18; ++n) EXPECT_EQ(out[n], 2.0f * static_cast<float>(n));
  EXPECT_EQ(out[18], -1);  // beyond the limit
}

TEST_F(InterpreterTest, ReducesRowsOverActiveLanes) {
  constexpr int64_t kRows = 3, kColumns = 11, kLanes = 4;
  const BufferRef x = input("x", kRows * kColumns), y = output("y", kRows), acc = local("acc", 2);
  std::vector<float> in = counting(kRows * kColumns), out(kRows);
  const Expr element = load(x, i * kColumns + j * kLanes + v);
  const Stmt chunk = block({
      store(acc, integer(0), load(acc, integer(0)) + apply(ScalarOp::lane_sum, {element})),
      store(acc, integer(1), max(load(acc, integer(1)), apply(ScalarOp::lane_max, {element}))),
  });
  const Stmt row = block({
      store(acc, integer(0), zero()),
      store(acc, integer(1), number(-INFINITY, Type::f32)),
      over(LoopKind::serial, j_, 3,
           over(LoopKind::vector, v_, kLanes, chunk, integer(kColumns) - j * kLanes)),
      store(y, i, load(acc, integer(0)) + load(acc, integer(1))),
  });
  run({x, y}, over(LoopKind::parallel, i_, kRows, allocate(acc, row)), in, out);
  EXPECT_THAT(out, ElementsAre(55 + 10, 176 + 21, 297 + 32));
}

// A tile of 2 by 8 of the product of 4 by 5 and 5 by 8, held in a local buffer.
TEST_F(InterpreterTest, MultipliesMatricesInTiles) {
  constexpr int64_t kM = 4, kN = 8, kK = 5, kTile = 2;
  const BufferRef a = input("a", kM * kK), b = input("b", kK * kN), c = output("c", kM * kN);
  const BufferRef acc = local("acc", kTile * kN);
  const auto tile = [&](const Stmt& body) {
    return over(LoopKind::unrolled, j_, kTile, over(LoopKind::vector, v_, kN, body));
  };
  const Expr row = i * kTile + j, at = j * kN + v;
  const Stmt body = block({
      tile(store(acc, at, zero())),
      over(LoopKind::serial, k_, kK,
           tile(store(acc, at,
                      apply(ScalarOp::fma, {load(a, row * kK + k), load(b, k * kN + v), load(acc, at)})))),
      tile(store(c, row * kN + v, load(acc, at))),
  });
  std::vector<float> left = counting(kM * kK), right = counting(kK * kN), out(kM * kN), expected(kM * kN);
  for (size_t m = 0; m < kM; ++m) {
    for (size_t n = 0; n < kN; ++n) {
      for (size_t s = 0; s < kK; ++s) expected[m * kN + n] += left[m * kK + s] * right[s * kN + n];
    }
  }
  run({a, b, c}, over(LoopKind::parallel, i_, kM / kTile, allocate(acc, body)), left, right, out);
  EXPECT_EQ(out, expected);
}

TEST_F(InterpreterTest, LoadsZeroWhereThePredicateIsFalse) {
  const BufferRef x = input("x", 4), y = output("y", 6);
  std::vector<float> in = {1, 2, 3, 4}, out(6, -1);
  const Expr inside = i >= integer(1) && i < integer(5);
  run({x, y}, over(LoopKind::parallel, i_, 6, store(y, i, load(x, i - 1, inside))), in, out);
  EXPECT_THAT(out, ElementsAre(0, 1, 2, 3, 4, 0));
}

TEST_F(InterpreterTest, StoresOnlyWhereThePredicateHolds) {
  const BufferRef y = output("y", 4);
  std::vector<float> out(4, -1);
  run({y}, over(LoopKind::vector, v_, 4, store(y, v, cast(v, Type::f32), v % 2 == integer(1))), out);
  EXPECT_THAT(out, ElementsAre(-1, 1, -1, 3));
}

TEST_F(InterpreterTest, BindsValuesOfEachLane) {
  const BufferRef y = output("y", 4);
  std::vector<float> out(4);
  const VariableRef t = make_variable("t", Type::f32);
  const Stmt body =
      let(t, cast(v * 3, Type::f32), store(y, v, variable(t) - apply(ScalarOp::lane_min, {variable(t)})));
  run({y}, over(LoopKind::vector, v_, 4, body), out);
  EXPECT_THAT(out, ElementsAre(0, 3, 6, 9));
}

TEST_F(InterpreterTest, ReportsTheFirstFaultOfASite) {
  const BufferRef ids = input("ids", 6, Type::i32), y = output("y", 6, Type::i32);
  std::vector<int32_t> in = {1, 9, -2, 3, 12, 4}, out(6);
  const Expr id = load(ids, i);
  const Stmt body = block({
      fault(id >= integer(10, Type::i32), 1, i, id),
      fault(id < integer(0, Type::i32) || id >= integer(5, Type::i32), 0, integer(5) - i, id),
      store(y, i, id),
  });
  const auto faults = run({ids, y}, over(LoopKind::parallel, i_, 6, body), in, out);
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(faults[0].site, 0);
  EXPECT_EQ(faults[0].position, 1);
  EXPECT_EQ(faults[0].value.integer, 12);
  EXPECT_EQ(faults[1].position, 4);
  EXPECT_EQ(out, in);
}

// Reverses each row of 4 through shared memory.
class WorkgroupTest : public InterpreterTest {
 protected:
  Stmt reversal(bool with_barrier) const {
    std::vector<Stmt> lane = {store(tile_, j, load(x_, i * 4 + j))};
    if (with_barrier) lane.push_back(barrier());
    lane.push_back(store(y_, i * 4 + j, load(tile_, integer(3) - j)));
    return over(LoopKind::workgroup, i_, 2, allocate(tile_, over(LoopKind::lane, j_, 4, block(lane))));
  }

  BufferRef x_ = input("x", 8), y_ = output("y", 8), tile_ = shared("tile", 4);
  std::vector<float> in_ = counting(8), out_ = std::vector<float>(8);
};

TEST_F(WorkgroupTest, SharesMemoryBetweenLanes) {
  run({x_, y_}, reversal(true), in_, out_);
  EXPECT_THAT(out_, ElementsAre(3, 2, 1, 0, 7, 6, 5, 4));
}

TEST_F(WorkgroupTest, SeesAMissingBarrier) {
  EXPECT_THAT(
      [&] {
        run({x_, y_}, reversal(false), in_, out_);
      },
      ThrowsMessage<InternalError>(HasSubstr("tile[")));
}

// Pairs of lanes exchange what they have; `distance` lanes away.
TEST_F(WorkgroupTest, LetsGroupsOfLanesWaitForOneAnotherAlone) {
  const auto exchange = [&](int64_t distance, bool writes_again) {
    const Expr other = (j + distance) % 2 + j / 2 * 2;
    const Expr from = distance == 1 ? other : (j + distance) % 4;
    std::vector<Stmt> lane = {store(tile_, j, load(x_, i * 4 + j)), subgroup_barrier(2)};
    if (writes_again) {
      lane.push_back(store(tile_, from, zero()));
      lane.push_back(barrier());
    }
    lane.push_back(store(y_, i * 4 + j, load(tile_, from)));
    return over(LoopKind::workgroup, i_, 2, allocate(tile_, over(LoopKind::lane, j_, 4, block(lane))));
  };
  run({x_, y_}, exchange(1, false), in_, out_);
  EXPECT_THAT(out_, ElementsAre(1, 0, 3, 2, 5, 4, 7, 6));
  run({x_, y_}, exchange(1, true), in_, out_);
  EXPECT_THAT(out_, Each(0));
  for (const bool writes_again : {false, true}) {
    EXPECT_THAT(
        [&] {
          run({x_, y_}, exchange(2, writes_again), in_, out_);
        },
        ThrowsMessage<InternalError>(HasSubstr("tile[2] races")));
  }
}

// What two groups have read, neither of them may write.
TEST_F(WorkgroupTest, KeepsWhatSeveralGroupsHaveRead) {
  const Stmt lane = block({
      store(tile_, j, load(x_, i * 4 + j)),
      barrier(),
      store(y_, i * 4 + j, load(tile_, integer(0))),
      subgroup_barrier(2),
      store(tile_, integer(0), zero(), j == integer(1)),
  });
  EXPECT_THAT(
      [&] {
        run({x_, y_}, over(LoopKind::workgroup, i_, 2, allocate(tile_, over(LoopKind::lane, j_, 4, lane))),
            in_, out_);
      },
      ThrowsMessage<InternalError>(HasSubstr("store of tile[0] races")));
}

// Sums a row by halving; the loop with the barrier stands inside the lane loop, the sum is in a local buffer.
TEST_F(WorkgroupTest, KeepsLanesInStepThroughLoops) {
  const BufferRef sum = local("sum", 1), y = output("y", 2);
  const VariableRef half_ = make_variable("half");
  const Expr half = variable(half_), mine = load(sum, integer(0));
  const Stmt fold = let(half_, select(k == integer(0), integer(2), integer(1)),
                        block({
                            store(tile_, j, mine),
                            barrier(),
                            store(sum, integer(0), mine + load(tile_, j + half, j < half)),
                            barrier(),
                        }));
  const Stmt lane = allocate(sum, block({
                                      store(sum, integer(0), load(x_, i * 4 + j)),
                                      over(LoopKind::serial, k_, 2, fold),
                                      branch(j == integer(0), store(y, i, mine)),
                                  }));
  out_.resize(2);
  run({x_, y}, over(LoopKind::workgroup, i_, 2, allocate(tile_, over(LoopKind::lane, j_, 4, lane))), in_,
      out_);
  EXPECT_THAT(out_, ElementsAre(6, 22));
}

// A subgroup of 3 lanes, and the one that is left.
TEST_F(WorkgroupTest, AddsUpOverSubgroups) {
  const Expr sum = apply(ScalarOp::subgroup_sum, {load(tile_, j), number(3, Type::f32)});
  const auto kernel = [&](bool with_barrier) {
    std::vector<Stmt> lane = {store(tile_, j, load(x_, i * 4 + j))};
    if (with_barrier) lane.push_back(barrier());
    lane.push_back(store(y_, i * 4 + j, sum));
    return over(LoopKind::workgroup, i_, 2, allocate(tile_, over(LoopKind::lane, j_, 4, block(lane))));
  };
  run({x_, y_}, kernel(true), in_, out_);
  EXPECT_THAT(out_, ElementsAre(3, 3, 3, 3, 15, 15, 15, 7));
  EXPECT_THAT(
      [&] {
        run({x_, y_}, kernel(false), in_, out_);
      },
      ThrowsMessage<InternalError>(HasSubstr("tile[")));
}

// A local buffer around lane loops holds one value a lane from one loop to the next.
TEST_F(WorkgroupTest, KeepsLocalMemoryAcrossLaneLoops) {
  const BufferRef acc = local("acc", 1);
  const Expr own = load(acc, integer(0));
  const Stmt body = block({
      store(acc, integer(0), number(100, Type::f32)),
      over(LoopKind::serial, k_, 3,
           block({
               over(LoopKind::lane, j_, 4, store(tile_, j, load(x_, i * 4 + j))),
               barrier(),
               over(LoopKind::lane, j_, 4, store(acc, integer(0), own + load(tile_, integer(3) - j))),
               barrier(),
           })),
      over(LoopKind::lane, j_, 4, store(y_, i * 4 + j, own)),
  });
  run({x_, y_}, over(LoopKind::workgroup, i_, 2, allocate(tile_, allocate(acc, body))), in_, out_);
  EXPECT_THAT(out_, ElementsAre(109, 106, 103, 100, 121, 118, 115, 112));
}

TEST_F(WorkgroupTest, SeesLanesThatPartAtABarrier) {
  const Stmt body = branch(j < integer(2), barrier());
  EXPECT_THAT(
      [&] { run({}, over(LoopKind::workgroup, i_, 1, over(LoopKind::lane, j_, 4, body))); },
      ThrowsMessage<InternalError>("kernel k: lanes reach a barrier differently: 0 in lane 2, 1 in lane 0"));
}

TEST_F(InterpreterTest, SeesAccessesOutOfBounds) {
  const BufferRef x = input("x", 4), y = output("y", 8);
  std::vector<float> in(4), out(8);
  EXPECT_THAT(
      [&] {
        run({x, y}, over(LoopKind::parallel, i_, 8, store(y, i, load(x, i))), in, out);
      },
      ThrowsMessage<InternalError>("kernel k: load of x[4] is out of bounds: it has 4 elements"));
  EXPECT_THAT(
      [&] {
        run({x, y}, over(LoopKind::parallel, i_, 8, store(y, i - 1, zero())), in, out);
      },
      ThrowsMessage<InternalError>("kernel k: store of y[-1] is out of bounds: it has 8 elements"));
}

TEST_F(InterpreterTest, SeesRacingIterations) {
  const BufferRef x = input("x", 8), y = output("y", 8);
  std::vector<float> in(8), out(8);
  EXPECT_THAT([&] { run({y}, over(LoopKind::parallel, i_, 8, store(y, i / 2, zero())), out); },
              ThrowsMessage<InternalError>(
                  "kernel k: store of y[0] races with another iteration of the parallel loop"));
  // The same memory as an input and as an output: row i is read after it was overwritten.
  const Stmt reverse = over(LoopKind::parallel, i_, 8, store(y, i, load(x, integer(7) - i)));
  EXPECT_NO_THROW(run({x, y}, reverse, in, out));
  EXPECT_THAT([&] { run({x, y}, reverse, out, out); }, ThrowsMessage<InternalError>(HasSubstr("races")));
}

TEST_F(InterpreterTest, ShowsMemoryThatWasNotWritten) {
  const BufferRef y = output("y", 4), acc = local("acc", 1);
  std::vector<float> out(4);
  const Stmt body = block({store(y, i, load(acc, integer(0))), store(acc, integer(0), zero())});
  run({y}, allocate(acc, over(LoopKind::parallel, i_, 4, body)), out);
  EXPECT_THAT(out, Each(testing::IsNan()));
}

TEST_F(InterpreterTest, ComputesWhatIsSharedOnce) {
  const BufferRef y = output("y", 4);
  Expr x = cast(v, Type::f32);
  for (int n = 0; n < 60; ++n) x = x + x;
  std::vector<float> out(4);
  run({y}, over(LoopKind::vector, v_, 4, store(y, v, x)), out);
  EXPECT_EQ(out[3], 3 * std::ldexp(1.0f, 60));
}

TEST_F(InterpreterTest, KnowsSeedAndStep) {
  const BufferRef y = output("y", 3, Type::i32);
  std::vector<int32_t> out(3);
  const Kernel kernel{.name = "k",
                      .arguments = {y},
                      .parts = {block({store(y, integer(0), context(ContextValue::seed_low)),
                                       store(y, integer(1), context(ContextValue::seed_high)),
                                       store(y, integer(2), context(ContextValue::step))})}};
  const std::vector<void*> memory = {out.data()};
  interpret(kernel, memory, {.seed = 0xffffffff00000007, .step = 3});
  EXPECT_THAT(out, ElementsAre(7, -1, 3));
}

class ProgramTest : public InterpreterTest {
 protected:
  // tmp = constant + x; then for each of 3 rows, row = row + tmp, last row first; last, state = tmp if no
  // fault.
  ProgramTest() {
    const BufferRef x = input("x", 2), c = input("c", 2), rows = output("rows", 2), y = output("y", 2);
    const auto map = [&](const char* name, std::vector<BufferRef> arguments, const BufferRef& to,
                         const Expr& value) {
      arguments.push_back(to);
      const Stmt body = block({fault(value < zero(), 0, i, value), store(to, i, value)});
      program_.kernels.push_back({name, std::move(arguments), {over(LoopKind::parallel, i_, 2, body)}, {}});
    };
    map("add", {x, c}, y, load(x, i) + load(c, i));
    map("append", {x}, rows, load(x, i) + load(rows, i));
    map("copy", {x}, y, load(x, i));
    program_.arena_bytes = 24;
    const std::vector<float> one = {1, 1};
    std::vector<std::byte> bytes(8);
    std::memcpy(bytes.data(), one.data(), 8);
    program_.slots = {
        {.kind = Slot::Kind::input, .name = "x", .type = Type::f32, .elements = 2},
        {.kind = Slot::Kind::constant, .name = "one", .type = Type::f32, .elements = 2, .data = bytes},
        {.kind = Slot::Kind::arena, .name = "tmp", .type = Type::f32, .elements = 2, .offset = 16},
        {.kind = Slot::Kind::output, .name = "rows", .type = Type::f32, .elements = 6},
        {.kind = Slot::Kind::state, .name = "w", .type = Type::f32, .elements = 2}};
    program_.steps = {
        {.kernel = 0, .arguments = {{0, 0, {}}, {1, 0, {}}, {2, 0, {}}}},
        {.kind = Step::Kind::repeat,
         .count = 3,
         .reverse = true,
         .body = {{.kernel = 1, .arguments = {{2, 0, {}}, {3, 0, {2}}}}}},
        {.kernel = 2, .arguments = {{2, 0, {}}, {4, 0, {}}}, .writes_state = true},
    };
  }

  std::vector<Fault> run(std::vector<float> x) {
    const std::vector<void*> memory = {x.data(), nullptr, nullptr, rows_.data(), state_.data()};
    return interpret(program_, memory);
  }

  Program program_;
  std::vector<float> rows_ = counting(6), state_ = {0, 0};
};

TEST_F(ProgramTest, RunsStepsInOrder) {
  EXPECT_TRUE(run({1, 2}).empty());
  EXPECT_THAT(rows_, ElementsAre(2, 4, 4, 6, 6, 8));
  EXPECT_THAT(state_, ElementsAre(2, 3));
}

TEST_F(ProgramTest, WritesNoStateAfterAFault) {
  const auto faults = run({1, -5});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].position, 1);
  EXPECT_EQ(faults[0].value.number, -4);
  EXPECT_THAT(state_, ElementsAre(0, 0));
}

TEST_F(ProgramTest, ChecksWhatArgumentsAreBoundTo) {
  program_.steps[1].count = 4;
  EXPECT_THAT(
      [&] {
        run({1, 2});
      },
      ThrowsMessage<InternalError>(
          "kernel append: rows: f32[2] is bound to elements 6.. of slot rows: f32[6]"));
}

}  // namespace
}  // namespace sinter::loop
