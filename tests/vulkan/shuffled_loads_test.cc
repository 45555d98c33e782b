#include "backends/vulkan/compile/shuffled_loads.h"

#include <gtest/gtest.h>

#include "ir/loop/walk.h"

namespace sinter::vulkan::test {
namespace {

using loop::Expr;
using loop::LoopKind;
using loop::Stmt;

constexpr int64_t kLanes = 4;

loop::BufferRef buffer(const char* name, bool written) {
  return std::make_shared<const loop::Buffer>(
      loop::Buffer{.name = name, .type = loop::Type::f32, .size = 64, .written = written});
}

// Variables are told apart by what they are, not by their names, which scalarising gives twice.
TEST(ShuffledLoads, OfVariablesWithOneName) {
  const loop::BufferRef x = buffer("x", false), out = buffer("out", true);
  const auto group = loop::make_variable("group"), lane = loop::make_variable("lane");
  std::vector<Stmt> parts;
  std::vector<std::pair<loop::VariableRef, std::vector<Expr>>> loads;
  for (const int64_t begin : {0, 32}) {
    const auto row = loop::make_variable("row");
    auto& [variable, of_row] = loads.emplace_back(row, std::vector<Expr>());
    Expr sum = loop::number(0, loop::Type::f32);
    for (int64_t i = 0; i < kLanes; ++i) {
      of_row.push_back(loop::load(x, loop::variable(row) + i));
      sum = sum + of_row.back();
    }
    const Stmt store = loop::store(out, loop::variable(lane) + begin, sum);
    parts.push_back(loop::let(row, loop::variable(group) + begin, store));
  }
  const Stmt lanes =
      loop::loop(LoopKind::lane, lane, loop::integer(0), loop::integer(kLanes), loop::block(parts));
  const Stmt loops = loop::loop(LoopKind::workgroup, group, loop::integer(0), loop::integer(8), lanes);

  const ShuffledLoads shuffled(loops, kLanes);
  for (const auto& [row, of_row] : loads) {
    for (const Expr& load : of_row) {
      const auto element = shuffled.find(*load);
      ASSERT_TRUE(element.has_value());
      EXPECT_TRUE(loop::depends_on(element->first, row));
    }
  }
}

}  // namespace
}  // namespace sinter::vulkan::test
