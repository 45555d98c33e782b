#include "ir/loop/walk.h"

#include <gtest/gtest.h>

namespace sinter::loop {
namespace {

const BufferRef kBuffer = std::make_shared<const Buffer>(Buffer{.name = "x", .type = Type::f32, .size = 8});

// Doubles what is loaded.
class Doubled final : public Rewriter {
 public:
  int loads = 0;

 private:
  Expr rewritten(const ExprNode& x, const std::vector<Expr>& args) override {
    if (x.kind != ExprNode::Kind::load) return nullptr;
    ++loads;
    const Expr again = load(x.buffer, args[0]);
    return again + again;
  }
};

TEST(Walk, RewritesWhatIsSharedOnce) {
  const Expr i = variable(make_variable("i")), element = load(kBuffer, i);
  Doubled doubled;
  EXPECT_EQ(print(doubled(element * element + number(1, Type::f32))), print([&] {
              const Expr twice = element + element;
              return twice * twice + number(1, Type::f32);
            }()));
  EXPECT_EQ(doubled.loads, 1);
}

TEST(Walk, LeavesTheNodeWhereNothingChanges) {
  const Expr sum = variable(make_variable("i")) * 4 + 1;
  Doubled doubled;
  EXPECT_EQ(doubled(sum).get(), sum.get());
  EXPECT_EQ(doubled(Expr()), nullptr);
}

TEST(Walk, RewritesEveryExpressionOfAStatement) {
  const auto i = make_variable("i"), lane = make_variable("lane");
  const Expr index = cast(load(kBuffer, integer(0)), Type::index);
  const Stmt inner =
      fault(load(kBuffer, integer(1)) < number(0, Type::f32), 3, index, load(kBuffer, integer(2)));
  const Stmt store_one = store(kBuffer, index + 1, load(kBuffer, integer(3)), index < integer(4));
  const Stmt body = block({inner, store_one, prefetch(kBuffer, index + 2)});
  const Stmt all = loop(LoopKind::serial, i, index + 3, index + 4,
                        loop(LoopKind::vector, lane, integer(0), integer(4), body, index + 5));
  Doubled doubled;
  const std::string before = print(all), after = print(doubled(all));
  const auto count = [](const std::string& text) {
    size_t found = 0;
    for (size_t at = text.find("x["); at != std::string::npos; at = text.find("x[", at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count(after), 2 * count(before) - 2);  // but for what the store and the prefetch name
}

TEST(Walk, FindsVariablesAndOtherElements) {
  const auto i = make_variable("i"), j = make_variable("i");
  const Expr at = variable(i) + 1;
  EXPECT_TRUE(depends_on(load(kBuffer, at), i));
  EXPECT_FALSE(depends_on(load(kBuffer, at), j));
  EXPECT_FALSE(reads_other(load(kBuffer, variable(i) + 1), kBuffer, at));
  EXPECT_TRUE(reads_other(load(kBuffer, variable(i)) + load(kBuffer, at), kBuffer, at));
}

}  // namespace
}  // namespace sinter::loop
