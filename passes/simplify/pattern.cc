#include "passes/simplify/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "ir/error.h"

namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

std::vector<std::string_view> attribute_names(OpCode code) {
  enum Word { integer, small, smalls, number, numbers, flag, text, dtype, required, optional };
  struct Row {
    std::string_view name;
    Word type;
    Word presence = required;
  };
  std::vector<Row> rows;
  switch (code) {
#define SINTER_ATTRIBUTES(op, ...)        \
  case OpCode::op:                        \
    rows = std::vector<Row>{__VA_ARGS__}; \
    break;
#include "ir/graph/attributes.def"
#undef SINTER_ATTRIBUTES
  }
  std::vector<std::string_view> names;
  for (const Row& row : rows) {
    if (row.presence == optional) {
      throw InternalError(fmt::format("a pattern cannot bind '{}' of {}", row.name, graph::name(code)));
    }
    names.push_back(row.name);
  }
  return names;
}

class Parser {
 public:
  Parser(std::string_view text, Names& names) : text_(text), names_(names) {}

  Term parse() {
    Term result = term();
    if (at_ != text_.size()) fail("the end");
    return result;
  }

 private:
  [[noreturn]] void fail(std::string_view expected) const {
    throw InternalError(fmt::format("rule '{}': expected {} at {}", text_, expected, at_));
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool accept(char c) {
    while (peek() == ' ') ++at_;
    if (peek() != c) return false;
    ++at_;
    while (peek() == ' ') ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string(1, c));
  }
  std::string word() {
    const size_t begin = at_;
    while (std::isalnum(static_cast<unsigned char>(peek())) || peek() == '_' || peek() == '.') ++at_;
    if (at_ == begin) fail("a name");
    return std::string(text_.substr(begin, at_ - begin));
  }
  int slot(std::vector<std::string>& names, const std::string& name) {
    const auto place = std::ranges::find(names, name);
    const auto index = place - names.begin();
    if (place == names.end()) names.push_back(name);
    if (names.size() > kMostSlots) fail("fewer names");
    return static_cast<int>(index);
  }

  Term term() {
    const double sign = accept('-') ? -1 : 1;
    const std::string name = word();
    if (name == "inf")
      return {.kind = Term::Kind::number, .number = sign * std::numeric_limits<double>::infinity()};
    if (std::isdigit(static_cast<unsigned char>(name[0]))) {
      return {.kind = Term::Kind::number, .number = sign * std::stod(name)};
    }
    if (name == "true" || name == "false")
      return {.kind = Term::Kind::truth, .number = name == "true" ? 1.0 : 0.0};
    if (peek() == '(' || peek() == '{') return application(name);
    return {.kind = Term::Kind::value, .slot = slot(names_.values, name)};
  }

  Term application(const std::string& name) {
    const auto code = graph::opcode_from_name(name);
    if (!code) fail("an op");
    Term result{.kind = Term::Kind::op, .code = *code};
    if (accept('{')) {
      do {
        std::string attribute = word();
        expect('=');
        const int place = slot(names_.attributes, word());
        result.attributes.emplace_back(std::move(attribute), place);
      } while (accept(','));
      expect('}');
    }
    expect('(');
    do result.operands.push_back(term());
    while (accept(','));
    expect(')');
    const auto expected = attribute_names(*code);
    if (!std::ranges::equal(result.attributes, expected, {},
                            [](const auto& entry) { return std::string_view(entry.first); })) {
      fail(fmt::format("every attribute of {}, in order", name));
    }
    return result;
  }

  std::string_view text_;
  Names& names_;
  size_t at_ = 0;
};

bool match(const Term& term, const Editor& e, Value value, Match& bound) {
  switch (term.kind) {
    case Term::Kind::value: {
      Value& slot = bound.values[static_cast<size_t>(term.slot)];
      if (!slot) slot = value;
      return slot == value;
    }
    case Term::Kind::number:
    case Term::Kind::truth: {
      const auto splat = e.splat(value);
      const bool logical = value.dtype() == graph::DType::boolean;
      return splat && logical == (term.kind == Term::Kind::truth) && is_number(*splat, term.number);
    }
    case Term::Kind::op:
      break;
  }
  const Op* op = e.find(value, term.code);
  return op != nullptr && match(term, e, *op, bound);
}

bool match_operands(const Term& term, const Editor& e, const Op& op, bool swapped, Match& bound) {
  for (size_t i = 0; i < term.operands.size(); ++i) {
    if (!match(term.operands[i], e, op.operands[swapped ? 1 - i : i], bound)) return false;
  }
  return true;
}

}  // namespace

Term parse_term(std::string_view text, Names& names) {
  return Parser(text, names).parse();
}

bool match(const Term& term, const Editor& e, const Op& op, Match& bound) {
  if (op.code != term.code || op.operands.size() != term.operands.size()) return false;
  for (const auto& [name, slot] : term.attributes) {
    const graph::Attribute*& place = bound.attributes[static_cast<size_t>(slot)];
    const graph::Attribute* attribute = op.attributes.find(name);
    if (place != nullptr && *place != *attribute) return false;
    place = attribute;
  }
  const Match before = bound;
  if (match_operands(term, e, op, false, bound)) return true;
  // The sign of a zero may tell max(x, y) from max(y, x); no rule looks at that.
  const bool either = commutes(op.code) || op.code == OpCode::max || op.code == OpCode::min;
  if (!either) return false;
  bound = before;
  return match_operands(term, e, op, true, bound);
}

Value build(const Term& term, Editor& e, const Match& bound, const graph::TensorType& like) {
  switch (term.kind) {
    case Term::Kind::value:
      return bound.values[static_cast<size_t>(term.slot)];
    case Term::Kind::number:
      return e.constant(make_splat(term.number, like.dtype), like.shape);
    case Term::Kind::truth:
      return e.constant(make_splat(term.number, graph::DType::boolean), like.shape);
    case Term::Kind::op:
      break;
  }
  std::vector<Value> operands;
  for (const Term& operand : term.operands) operands.push_back(build(operand, e, bound, like));
  graph::Attributes attributes;
  for (const auto& [name, slot] : term.attributes) {
    attributes.set(name, *bound.attributes[static_cast<size_t>(slot)]);
  }
  return e.emit(term.code, std::move(operands), std::move(attributes));
}

}  // namespace sinter::passes
