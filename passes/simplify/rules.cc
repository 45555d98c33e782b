#include "passes/simplify/rules.h"

#include "ir/error.h"

namespace sinter::passes {
namespace {

using graph::DType;

// Whether every value of `from` is one of `to`, and comes back from it unchanged.
bool is_lossless(DType from, DType to) {
  if (from == to || from == DType::boolean) return true;
  switch (from) {
    case DType::f16:
    case DType::bf16:
      return to == DType::f32 || to == DType::f64;
    case DType::f32:
      return to == DType::f64;
    case DType::i32:
      return to == DType::i64 || to == DType::f64;
    default:
      return false;
  }
}

bool cast_through_wider(const Match& bound) {
  return is_lossless(bound.values[0].dtype(), std::get<DType>(*bound.attributes[1]));
}

constexpr auto kFloating = Domain::floating;
constexpr auto kInteger = Domain::integer;
constexpr auto kLogical = Domain::logical;
constexpr auto kAny = Domain::any;

// Each holds to the bit for every value, NaN, infinities and -0 included, unless a comment says that it
// rounds otherwise.
constexpr PatternRule kPatternRules[] = {
    // sums and products
    {"add(x, -0)", "x", kFloating},
    {"add(x, 0)", "x", kInteger},
    {"sub(x, 0)", "x"},
    {"sub(x, x)", "0", kInteger},
    {"sub(-0, x)", "neg(x)", kFloating},
    {"sub(0, x)", "neg(x)", kInteger},
    {"add(x, neg(y))", "sub(x, y)"},
    {"sub(x, neg(y))", "add(x, y)"},
    {"mul(x, 1)", "x"},
    {"mul(x, 0)", "0", kInteger},
    {"mul(x, -1)", "neg(x)"},
    {"mul(neg(x), neg(y))", "mul(x, y)"},
    {"div(x, 1)", "x"},
    {"div(x, -1)", "neg(x)"},
    {"div(neg(x), neg(y))", "div(x, y)", kFloating},
    {"div(1, sqrt(x))", "rsqrt(x)", kAny, nullptr, Note::rounds},
    {"neg(neg(x))", "x"},
    {"abs(neg(x))", "abs(x)"},
    {"abs(abs(x))", "abs(x)"},
    {"sign(sign(x))", "sign(x)"},
    {"pow(x, 0)", "1"},
    {"pow(x, 1)", "x"},
    {"pow(x, 2)", "mul(x, x)", kAny, nullptr, Note::rounds},
    {"floor(floor(x))", "floor(x)"},
    {"ceil(ceil(x))", "ceil(x)"},
    {"round(round(x))", "round(x)"},
    {"floor(x)", "x", kInteger},
    {"ceil(x)", "x", kInteger},
    {"round(x)", "x", kInteger},

    // extrema and comparisons
    {"max(x, x)", "x"},
    {"min(x, x)", "x"},
    {"max(x, -inf)", "x", kFloating},
    {"min(x, inf)", "x", kFloating},
    {"equal(x, x)", "true", kInteger},
    {"not_equal(x, x)", "false", kInteger},
    {"equal(x, true)", "x", kLogical},
    {"not_equal(x, false)", "x", kLogical},

    // logic
    {"logical_not(logical_not(x))", "x"},
    {"logical_not(equal(x, y))", "not_equal(x, y)"},
    {"logical_not(not_equal(x, y))", "equal(x, y)"},
    {"logical_and(x, x)", "x"},
    {"logical_or(x, x)", "x"},
    {"logical_xor(x, x)", "0", kInteger},
    {"logical_xor(x, x)", "false", kLogical},
    {"logical_and(x, true)", "x"},
    {"logical_and(x, false)", "false"},
    {"logical_or(x, false)", "x"},
    {"logical_or(x, true)", "true"},
    {"logical_xor(x, false)", "x"},
    {"logical_xor(x, true)", "logical_not(x)"},

    // choices
    {"select(true, x, y)", "x"},
    {"select(false, x, y)", "y"},
    {"select(c, x, x)", "x"},
    {"select(logical_not(c), x, y)", "select(c, y, x)"},
    {"select(c, true, false)", "c"},
    {"select(c, false, true)", "logical_not(c)"},
    {"select(c, select(c, x, y), z)", "select(c, x, z)"},
    {"select(c, x, select(c, y, z))", "select(c, x, z)"},

    // element types: t of a u of x is t of x where u holds every x
    {"cast{dtype=t}(cast{dtype=u}(x))", "cast{dtype=t}(x)", kAny, cast_through_wider},
    {"stop_gradient(stop_gradient(x))", "stop_gradient(x)"},
    {"stop_gradient(x)", "x", kAny, nullptr, Note::after_gradients},

    // views
    {"reshape{shape=s}(reshape{shape=t}(x))", "reshape{shape=s}(x)"},
    {"reverse{axes=a}(reverse{axes=a}(x))", "x"},
};

struct Compiled {
  Term from, to;
};

const std::vector<Compiled>& compiled_rules() {
  static const std::vector<Compiled> compiled = [] {
    std::vector<Compiled> result;
    for (const PatternRule& rule : kPatternRules) {
      Names names;
      Term from = parse_term(rule.from, names);
      const size_t bound = names.values.size() + names.attributes.size();
      Term to = parse_term(rule.to, names);
      if (names.values.size() + names.attributes.size() != bound) {
        throw InternalError("rule '" + std::string(rule.from) + "' names more on its right side");
      }
      result.push_back({std::move(from), std::move(to)});
    }
    return result;
  }();
  return compiled;
}

}  // namespace

bool contains(Domain domain, DType type) {
  switch (domain) {
    case Domain::any:
      return true;
    case Domain::floating:
      return graph::is_floating(type);
    case Domain::integer:
      return graph::is_integer(type);
    case Domain::logical:
      return type == DType::boolean;
  }
  return false;
}

std::span<const PatternRule> pattern_rules() {
  return kPatternRules;
}

graph::Value apply_pattern(int index, Editor& e, const graph::Op& op) {
  const PatternRule& rule = kPatternRules[static_cast<size_t>(index)];
  if (!contains(rule.domain, op.operands.back().dtype())) return {};
  const Compiled& compiled = compiled_rules()[static_cast<size_t>(index)];
  Match bound;
  if (!match(compiled.from, e, op, bound)) return {};
  if (rule.when != nullptr && !rule.when(bound)) return {};
  return build(compiled.to, e, bound, op.results[0]);
}

RuleIndex index_rules(bool after_gradients, std::string_view only) {
  RuleIndex index;
  bool found = only.empty();
  const auto wanted = [&](std::string_view name) {
    const bool taken = only.empty() || only == name;
    found = found || taken;
    return taken;
  };
  for (const RewriteRule& rule : rewrite_rules()) {
    if (!wanted(rule.name)) continue;
    for (const graph::OpCode code : graph::all_opcodes()) {
      if (rule.ops.contains(code)) index.add(code, {rule.name, rule.rewrite});
    }
  }
  for (size_t i = 0; i < std::size(kPatternRules); ++i) {
    if (!wanted(kPatternRules[i].from) ||
        (kPatternRules[i].note == Note::after_gradients && !after_gradients))
      continue;
    index.add(compiled_rules()[i].from.code, {kPatternRules[i].from, nullptr, static_cast<int>(i)});
  }
  if (!found) throw InternalError("no rule is called '" + std::string(only) + "'");
  return index;
}

}  // namespace sinter::passes
