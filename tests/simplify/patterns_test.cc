#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/graph/builder.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/simplify/rules.h"
#include "passes/simplify/simplify.h"
#include "tests/simplify/compare.h"

// Every rule of the table of patterns by itself: a graph of its left side, for every element type and some
// attributes, gives the same values after the rule.
namespace sinter::passes {
namespace {

using graph::Attribute;
using graph::DType;
using graph::Value;

constexpr DType kTypes[] = {DType::f32, DType::f64, DType::i32, DType::i64, DType::boolean};

std::vector<Attribute> choices_of(std::string_view attribute) {
  using List = std::vector<int64_t>;
  if (attribute == "dtype") return {std::begin(kTypes), std::end(kTypes)};
  if (attribute == "shape") return {List{6, 4}, List{2, 1, 12}, List{24}, List{4, 3, 2}};
  if (attribute == "axes") return {List{}, List{0}, List{1, 2}, List{0, 1, 2}};
  throw InternalError(fmt::format("no choices of '{}'", attribute));
}

// The names of a pattern's attributes, by the slots they are bound to.
void collect_attributes(const Term& term, std::vector<std::string>& by_slot) {
  for (const auto& [name, slot] : term.attributes) {
    by_slot.resize(std::max(by_slot.size(), static_cast<size_t>(slot) + 1));
    by_slot[static_cast<size_t>(slot)] = name;
  }
  for (const Term& operand : term.operands) collect_attributes(operand, by_slot);
}

class Instance {
 public:
  // Values called c are bool.
  Instance(const Names& names, DType type) : builder_(module_, module_.add_function("f")), type_(type) {
    for (const std::string& name : names.values) {
      values_.push_back(builder_.parameter(name, {name == "c" ? DType::boolean : type, {2, 3, 4}}));
    }
  }

  Value build(const Term& term, const std::vector<Attribute>& attributes) {
    switch (term.kind) {
      case Term::Kind::value:
        return values_[static_cast<size_t>(term.slot)];
      case Term::Kind::number:
        return builder_.constant(term.number, type_, {2, 3, 4});
      case Term::Kind::truth:
        return builder_.constant(term.number, DType::boolean, {2, 3, 4});
      case Term::Kind::op:
        break;
    }
    std::vector<Value> operands;
    for (const Term& operand : term.operands) operands.push_back(build(operand, attributes));
    graph::Attributes bound;
    for (const auto& [name, slot] : term.attributes) bound.set(name, attributes[static_cast<size_t>(slot)]);
    return builder_.emit(term.code, std::move(operands), std::move(bound)).result();
  }
  graph::Module finish(Value output) {
    builder_.output("y", output);
    return std::move(module_);
  }

 private:
  graph::Module module_;
  graph::Builder builder_;
  DType type_;
  std::vector<Value> values_;
};

// Every way to choose from `choices`, called as body(chosen).
template <typename Body>
void for_each_choice(const std::vector<std::vector<Attribute>>& choices, std::vector<Attribute> chosen,
                     const Body& body) {
  if (chosen.size() == choices.size()) return body(chosen);
  for (const Attribute& choice : choices[chosen.size()]) {
    chosen.push_back(choice);
    for_each_choice(choices, chosen, body);
    chosen.pop_back();
  }
}

class PatternRules : public ::testing::TestWithParam<size_t> {};

TEST_P(PatternRules, KeepsValues) {
  const PatternRule& rule = pattern_rules()[GetParam()];
  SCOPED_TRACE(rule.from);
  Names names;
  const Term from = parse_term(rule.from, names);
  std::vector<std::string> slots;
  collect_attributes(from, slots);
  std::vector<std::vector<Attribute>> choices;
  for (const std::string& name : slots) choices.push_back(choices_of(name));

  std::mt19937 random(static_cast<uint32_t>(GetParam()) + 1);
  int fired = 0;
  for (DType type : kTypes) {
    for_each_choice(choices, {}, [&](const std::vector<Attribute>& attributes) {
      Instance instance(names, type);
      graph::Module before;
      try {
        before = instance.finish(instance.build(from, attributes));
      } catch (const GraphError&) {
        return;  // not for this type
      }
      graph::Module after = graph::clone(before);
      if (apply_rule(after, rule.from) == 0) return;
      ++fired;
      EXPECT_NO_THROW(graph::verify(after));
      for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(test::difference(before, after, test::Values::hostile, rule.note == Note::rounds ? 3e-7 : 0,
                                   random),
                  "")
            << graph::print(before) << graph::print(after);
      }
    });
  }
  EXPECT_GT(fired, 0);
}

INSTANTIATE_TEST_SUITE_P(All, PatternRules, ::testing::Range<size_t>(0, pattern_rules().size()));

// A pattern that leaves out an attribute would match any.
TEST(Patterns, BindEveryAttribute) {
  Names names;
  EXPECT_THROW(parse_term("transpose(transpose(x))", names), InternalError);
  EXPECT_THROW(parse_term("slice{start=a,limit=b}(x)", names), InternalError);
  EXPECT_NO_THROW(parse_term("slice{limit=a,start=b,stride=c}(x)", names));
  EXPECT_THROW(parse_term("add(x, )", names), InternalError);
  EXPECT_THROW(parse_term("plus(x, y)", names), InternalError);
}

}  // namespace
}  // namespace sinter::passes
