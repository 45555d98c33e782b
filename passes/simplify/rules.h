#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "passes/simplify/editor.h"
#include "passes/simplify/pattern.h"

namespace sinter::passes {

// The element types of `x` that a rule holds for.
enum class Domain : uint8_t { any, floating, integer, logical };
bool contains(Domain domain, graph::DType type);

// What else must be known of a rule.
enum class Note : uint8_t {
  exact,            // the same bits for every value, NaN, infinities and -0 included
  rounds,           // may round otherwise, and lose the sign of a zero
  after_gradients,  // exact, and only where nothing is differentiated any more
};

// A rule in a line: what the left side matches is what the right side says.
struct PatternRule {
  std::string_view from;  // its name, too
  std::string_view to;
  Domain domain = Domain::any;  // of the last operand
  bool (*when)(const Match& bound) = nullptr;
  Note note = Note::exact;
};

// The ops that a rule is tried on: one, or all of a kind.
class RuleOps {
 public:
  constexpr RuleOps(graph::OpCode code) : code_(code) {}
  constexpr RuleOps(graph::OpKind kind) : kind_(kind) {}
  bool contains(graph::OpCode code) const {
    return code_ ? code == *code_ : graph::info(code).kind == *kind_;
  }

 private:
  std::optional<graph::OpCode> code_;
  std::optional<graph::OpKind> kind_;
};

// A rule that takes more than a line.
struct RewriteRule {
  std::string_view name;
  RuleOps ops;
  Rewrite rewrite;
  Note note = Note::exact;
};

std::span<const PatternRule> pattern_rules();  // rules.cc
std::span<const RewriteRule> rewrite_rules();  // rewrites.cc

// A rule's value for `op`, or an empty value.
graph::Value apply_pattern(int index, Editor& e, const graph::Op& op);

// All rules, or the one of that name. Throws InternalError where there is none.
RuleIndex index_rules(bool after_gradients, std::string_view only = "");

}  // namespace sinter::passes
