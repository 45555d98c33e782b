#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/simplify/rules.h"
#include "passes/simplify/simplify.h"
#include "tests/simplify/compare.h"
#include "tests/simplify/rewrite_cases.h"

// Every rule of the table of rewrites by itself, on graphs it is for and on near misses.
namespace sinter::passes {
namespace {

using test::RewriteCase;
using test::Values;

std::vector<RewriteCase> all_cases() {
  std::vector<RewriteCase> cases;
  for (const auto& list : {std::span<const RewriteCase>(test::kElementwiseCases),
                           {test::kReductionCases},
                           {test::kContractCases},
                           {test::kViewCases}}) {
    cases.insert(cases.end(), list.begin(), list.end());
  }
  return cases;
}

graph::Module parse(const RewriteCase& c) {
  return graph::parse(fmt::format("func @f({}) {{\n{}\nreturn y=%y\n}}\n", c.parameters, c.body), "case");
}

Note note_of(std::string_view name) {
  for (const RewriteRule& rule : rewrite_rules()) {
    if (rule.name == name) return rule.note;
  }
  ADD_FAILURE() << "no rule is called " << name;
  return Note::exact;
}

TEST(Rewrites, KeepValues) {
  std::mt19937 random(5);
  for (const RewriteCase& c : all_cases()) {
    SCOPED_TRACE(fmt::format("{}\n{}", c.rule, c.body));
    const graph::Module before = parse(c);
    graph::Module after = graph::clone(before);
    EXPECT_EQ(apply_rule(after, c.rule) > 0, c.applies);
    if (!c.applies) continue;
    EXPECT_NO_THROW(graph::verify(after)) << graph::print(after);
    EXPECT_NE(graph::print(before), graph::print(after));
    const bool rounds = note_of(c.rule) == Note::rounds;
    for (int i = 0; i < 8; ++i) {
      // Sums of large values in another order may overflow elsewhere.
      const Values values = rounds ? Values::mild : Values::hostile;
      EXPECT_EQ(test::difference(before, after, values, rounds ? 1e-6 : 0, random), "")
          << graph::print(after);
    }
  }
}

TEST(Rewrites, AllHaveACase) {
  std::set<std::string_view> covered;
  for (const RewriteCase& c : all_cases()) {
    if (c.applies) covered.insert(c.rule);
  }
  for (const RewriteRule& rule : rewrite_rules()) EXPECT_TRUE(covered.contains(rule.name)) << rule.name;
}

}  // namespace
}  // namespace sinter::passes
