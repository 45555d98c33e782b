#include "ir/loop/iterations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "ir/error.h"
#include "ir/loop/interpreter.h"

namespace sinter::loop {
namespace {

const BufferRef kOut =
    std::make_shared<const Buffer>(Buffer{.name = "out", .type = Type::f32, .size = 8, .written = true});

Kernel kernel(Stmt body) {
  Kernel result;
  result.name = "k";
  result.arguments = {kOut};
  result.parts = {std::move(body)};
  return result;
}

Stmt serial(const VariableRef& variable, const Expr& extent, const Stmt& body) {
  return loop(LoopKind::serial, variable, integer(0), extent, body);
}

const Stmt kStore = store(kOut, integer(0), number(1, Type::f32));

// Each loop counts one more, for the test that ends it: 4 * (3 + 1 + 1) + 1.
TEST(Iterations, OfLoopsInLoops) {
  const auto i = make_variable("i"), j = make_variable("j");
  EXPECT_EQ(most_iterations(kernel(serial(i, integer(4), serial(j, integer(3), kStore)))), 21);
  EXPECT_EQ(most_iterations(kernel(block({serial(i, integer(4), kStore), serial(j, integer(3), kStore)}))),
            9);
  EXPECT_EQ(most_iterations(kernel(loop(LoopKind::parallel, i, integer(0), integer(100), kStore))), 0);
}

TEST(Iterations, OfExtentsThatDependOnVariables) {
  const auto unit = make_variable("unit"), i = make_variable("i"), count = make_variable("count");
  const auto over_units = [&](const Stmt& body) {
    return kernel(loop(LoopKind::parallel, unit, integer(0), integer(10), body));
  };
  const Expr u = variable(unit);
  // The last one may be shorter.
  EXPECT_EQ(most_iterations(over_units(serial(i, min(u * 8 + 8, integer(75)) - u * 8, kStore))), 9);
  EXPECT_EQ(most_iterations(over_units(serial(i, max(u - 3, integer(2)), kStore))), 7);
  const auto counts = std::make_shared<const Buffer>(Buffer{.name = "counts", .type = Type::i32, .size = 1});
  const Expr loaded = cast(load(counts, integer(0)), Type::index);
  EXPECT_EQ(most_iterations(over_units(let(count, loaded, serial(i, variable(count), kStore)))), INT64_MAX);
  EXPECT_EQ(
      most_iterations(over_units(let(count, min(loaded, integer(5)), serial(i, variable(count), kStore)))),
      6);
}

TEST(Iterations, OfExtentsThatABranchBounds) {
  const auto unit = make_variable("unit"), own = make_variable("own"), i = make_variable("i");
  const Expr u = variable(unit);
  const Stmt part = let(own, u - 7, serial(i, integer(3) - variable(own), kStore));
  const auto over_units = [&](const Stmt& body) {
    return kernel(loop(LoopKind::parallel, unit, integer(0), integer(10), body));
  };
  EXPECT_EQ(most_iterations(over_units(part)), 11);
  EXPECT_EQ(most_iterations(over_units(branch(u >= integer(7) && u < integer(9), part))), 4);
}

// What lanes have in common decides for all of them, what differs lets both ways count.
TEST(Iterations, OfBranches) {
  const auto group = make_variable("group"), lane = make_variable("lane"), i = make_variable("i");
  const auto run = [&](int64_t extent) { return serial(i, integer(extent), kStore); };
  const auto of = [&](const Stmt& body) {
    const Stmt lanes = loop(LoopKind::lane, lane, integer(0), integer(8), body);
    return most_iterations(kernel(loop(LoopKind::workgroup, group, integer(0), integer(4), lanes)));
  };
  const Expr g = variable(group), l = variable(lane);
  EXPECT_EQ(of(branch(g < integer(2), run(10), run(20))), 21);
  EXPECT_EQ(of(branch(l < integer(2), run(10), run(20))), 32);
  EXPECT_EQ(of(branch(l < integer(8), run(10), run(20))), 11);
}

// An invocation is of one part.
TEST(Iterations, OfParts) {
  const auto unit = make_variable("unit"), i = make_variable("i");
  const auto part = [&](int64_t extent) {
    return loop(LoopKind::parallel, unit, integer(0), integer(2), serial(i, integer(extent), kStore));
  };
  Kernel two = kernel(part(10));
  two.parts.push_back(part(20));
  EXPECT_EQ(most_iterations(two), 21);
}

TEST(Iterations, TheInterpreterCountsThem) {
  const auto i = make_variable("i"), j = make_variable("j");
  const Kernel nest = kernel(serial(i, integer(4), serial(j, integer(3), kStore)));
  std::array<float, 8> memory{};
  void* const arguments[] = {memory.data()};
  interpret(nest, arguments, {.max_iterations = 21});
  EXPECT_THAT([&] { interpret(nest, arguments, {.max_iterations = 20}); },
              testing::ThrowsMessage<InternalError>(
                  "kernel k: the loops of an invocation make more than 20 iterations"));
}

}  // namespace
}  // namespace sinter::loop
