#include "runtime/collectives/tree.h"

#include <gmock/gmock.h>

#include <cstddef>
#include <string>
#include <vector>

namespace sinter::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The tree with each piece's leaves: "((0+1)+2)+[3,4]".
std::string text_of(int64_t leaves, int ranks) {
  std::vector<std::string> pieces;
  for (int rank = 0; rank < ranks; ++rank) {
    const Leaves own = leaves_of(leaves, ranks, rank);
    for (int64_t i = 0; i < own.pieces(); ++i) {
      pieces.push_back(!own.is_one || own.count == 1 ? std::to_string(own.first + i)
                                                     : "[" + std::to_string(own.first) + ".." +
                                                           std::to_string(own.first + own.count - 1) + "]");
    }
  }
  std::vector<std::string> stack;
  for (const int64_t addition : additions_of(leaves, ranks)) {
    if (addition != kAdd) {
      stack.push_back(pieces[static_cast<size_t>(addition)]);
      continue;
    }
    const std::string top = stack.back();
    stack.pop_back();
    stack.back() = "(" + stack.back() + "+" + top + ")";
  }
  EXPECT_EQ(stack.size(), 1u);
  return stack[0];
}

TEST(Tree, HasPrimeFactorsForLevels) {
  EXPECT_THAT(levels_of(1), IsEmpty());
  EXPECT_THAT(levels_of(2), ElementsAre(2));
  EXPECT_THAT(levels_of(12), ElementsAre(2, 2, 3));
  EXPECT_THAT(levels_of(35), ElementsAre(5, 7));
  EXPECT_THAT(levels_of(97), ElementsAre(97));
  EXPECT_THAT(levels_of(49), ElementsAre(7, 7));
}

TEST(Tree, IsThatOfTheLeavesWhateverTheRanks) {
  EXPECT_EQ(text_of(4, 4), "((0+1)+(2+3))");
  EXPECT_EQ(text_of(4, 3), "((0+1)+[2..3])");
  EXPECT_EQ(text_of(4, 2), "([0..1]+[2..3])");
  EXPECT_EQ(text_of(4, 1), "[0..3]");
  EXPECT_EQ(text_of(5, 5), "((((0+1)+2)+3)+4)");
  EXPECT_EQ(text_of(5, 2), "((([0..1]+2)+3)+4)");
  EXPECT_EQ(text_of(6, 6), "(((0+1)+(2+3))+(4+5))");
  EXPECT_EQ(text_of(6, 2), "(((0+1)+(2+3))+(4+5))");
  EXPECT_EQ(text_of(6, 3), "(([0..1]+[2..3])+[4..5])");
  EXPECT_EQ(text_of(1, 1), "0");
}

TEST(Tree, DealsEachLeafToOneRank) {
  for (int64_t leaves = 1; leaves <= 40; ++leaves) {
    for (int ranks = 1; ranks <= leaves; ++ranks) {
      int64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const Leaves own = leaves_of(leaves, ranks, rank);
        EXPECT_EQ(own.first, next);
        EXPECT_GE(own.count, 1);
        next += own.count;
      }
      EXPECT_EQ(next, leaves);
    }
  }
}

}  // namespace
}  // namespace sinter::runtime
