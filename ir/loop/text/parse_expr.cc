#include "ir/loop/text/parse_expr.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <map>
#include <optional>

#include "ir/loop/text/words.h"

namespace sinter::loop {
namespace {

const std::map<std::string, Type, std::less<>>& types() {
  static const auto all = [] {
    std::map<std::string, Type, std::less<>> by_name;
    for (const Type type : kTypes) by_name.emplace(name(type), type);
    return by_name;
  }();
  return all;
}

const std::map<std::string, ScalarOp, std::less<>>& operations() {
  static const auto all = [] {
    std::map<std::string, ScalarOp, std::less<>> by_name;
    for (int op = 0; op <= static_cast<int>(kLastScalarOp); ++op)
      by_name.emplace(name(static_cast<ScalarOp>(op)), static_cast<ScalarOp>(op));
    return by_name;
  }();
  return all;
}

std::string_view without_spaces(std::string_view text) {
  if (text.starts_with(' ')) text = text.substr(1, text.size() - 2);
  return text;
}

constexpr int kMostOperands = 20000, kDeepestExpr = 500;

class ExprParser {
 public:
  ExprParser(LineLexer& lexer, Scope& scope) : lexer_(lexer), scope_(scope) {}

  Expr expression(int precedence) {
    if (++depth_ > kDeepestExpr)
      lexer_.fail(fmt::format("more than {} expressions inside one another", kDeepestExpr));
    Expr whole = operands_of(precedence);
    --depth_;
    return whole;
  }

 private:
  Expr operands_of(int precedence) {
    Expr left = unary();
    while (true) {
      const auto found = operator_here(left->type);
      if (!found || found->second < precedence) return left;
      const LineLexer here = lexer_;
      lexer_.next();
      left = made(here, [&] { return apply(found->first, {left, expression(found->second + 1)}); });
    }
  }

  std::optional<std::pair<ScalarOp, int>> operator_here(Type operand) const {
    if (lexer_.peek().kind != TokenKind::mark) return std::nullopt;
    for (const auto& [name, op] : operations()) {
      const Infix text = infix(op, operand);
      if (text.precedence > 0 && without_spaces(text.text) == lexer_.peek().text)
        return std::pair(op, text.precedence);
    }
    return std::nullopt;
  }

  Expr unary() {
    if (++scope_.operands > kMostOperands)
      lexer_.fail(fmt::format("more than {} operands in one statement", kMostOperands));
    if (const auto constant = literal(Type::index)) return *constant;
    const LineLexer here = lexer_;
    if (lexer_.takes("-")) return made(here, [&] { return apply(ScalarOp::neg, {expression(kUnary)}); });
    if (lexer_.takes("!"))
      return made(here, [&] { return apply(ScalarOp::logical_not, {expression(kUnary)}); });
    return primary();
  }

  // A number, of this type where its text does not say.
  std::optional<Expr> literal(Type integers) {
    LineLexer after = lexer_;
    const bool is_negative = after.takes("-");
    const Token token = after.peek();
    const bool is_named = token.kind == TokenKind::word && (token.text == "nan" || token.text == "inf");
    if (token.kind == TokenKind::integer) {
      const int64_t value = lexer_.integer("a number");
      return is_floating(integers) ? number(static_cast<double>(value), integers) : integer(value, integers);
    }
    if (token.kind != TokenKind::number && !is_named) return std::nullopt;
    after.next();
    lexer_ = after;
    const Type type = integers == Type::f64 ? Type::f64 : Type::f32;
    const double value = type == Type::f64 ? floating<double>(token.text) : floating<float>(token.text);
    return number(is_negative ? -value : value, type);
  }

  template <typename T>
  static double floating(std::string_view text) {
    if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (text == "inf") return std::numeric_limits<double>::infinity();
    T value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  Expr primary() {
    const LineLexer here = lexer_;
    if (lexer_.takes("(")) {
      Expr inside = expression(kLoosest);
      lexer_.expect(")");
      return inside;
    }
    const Token token = lexer_.peek();
    if (token.kind == TokenKind::shared) {
      const auto found = scope_.shared.find(std::string(token.text));
      if (found == scope_.shared.end()) lexer_.fail(fmt::format("no line before gives {}", token.text));
      lexer_.next();
      return found->second;
    }
    const std::string word = lexer_.word("an expression");
    if (word == "true" || word == "false") return boolean(word == "true");
    for (const ContextValue value : kContextValues)
      if (word == name(value)) return context(value);
    if (const auto type = types().find(word); type != types().end()) return of_type(here, type->second);
    if (const auto op = operations().find(word); op != operations().end())
      return made(here, [&] { return apply(op->second, operands()); });
    for (const auto& [type_name, type] : types()) {
      if (word == "bitcast_" + type_name) return made(here, [&] { return bitcast(one_operand(), type); });
      if (word == "to_unsigned_" + type_name)
        return made(here, [&] { return apply_as(ScalarOp::to_unsigned, type, {one_operand()}); });
    }
    if (const auto found = scope_.variables.find(word); found != scope_.variables.end())
      return variable(found->second);
    if (const auto found = scope_.buffers.find(word); found != scope_.buffers.end())
      return load_of(here, found->second);
    here.fail(fmt::format("nothing is called '{}' here", word));
  }

  // A constant of a type, or a cast.
  Expr of_type(const LineLexer& here, Type type) {
    LineLexer inside = lexer_;
    inside.expect("(");
    if (type != Type::boolean && type != Type::index && type != Type::f32) {
      ExprParser attempt(inside, scope_);
      if (const auto constant = attempt.literal(type); constant && inside.takes(")")) {
        lexer_ = inside;
        return *constant;
      }
    }
    return made(here, [&] { return cast(one_operand(), type); });
  }

  Expr load_of(const LineLexer& here, const BufferRef& buffer) {
    lexer_.expect("[");
    const Expr index = expression(kLoosest);
    const Expr predicate = lexer_.takes("if") ? expression(kLoosest) : nullptr;
    lexer_.expect("]");
    return made(here, [&] { return load(buffer, index, predicate); });
  }

  std::vector<Expr> operands() {
    lexer_.expect("(");
    std::vector<Expr> all;
    do {
      all.push_back(expression(kLoosest));
    } while (lexer_.takes(","));
    lexer_.expect(")");
    return all;
  }

  Expr one_operand() {
    lexer_.expect("(");
    Expr operand = expression(kLoosest);
    lexer_.expect(")");
    return operand;
  }

  LineLexer& lexer_;
  Scope& scope_;
  int depth_ = 0;
};

}  // namespace

Expr parse_expr(LineLexer& lexer, Scope& scope) {
  return ExprParser(lexer, scope).expression(kLoosest);
}

Type parse_type(LineLexer& lexer) {
  const LineLexer here = lexer;
  const auto found = types().find(lexer.word("a type"));
  if (found == types().end()) here.fail("expected bool, i32, i64, f32, f64 or index");
  return found->second;
}

Buffer parse_declaration(LineLexer& lexer) {
  Buffer buffer;
  buffer.name = lexer.word("the name of a buffer");
  lexer.expect(":");
  buffer.type = parse_type(lexer);
  lexer.expect("[");
  buffer.size = lexer.integer("how many elements it has");
  lexer.expect("]");
  return buffer;
}

const BufferRef& parse_buffer(LineLexer& lexer, const Scope& scope) {
  const LineLexer here = lexer;
  const std::string name = lexer.word("the name of a buffer");
  const auto found = scope.buffers.find(name);
  if (found == scope.buffers.end()) here.fail(fmt::format("no buffer is called '{}' here", name));
  return found->second;
}

}  // namespace sinter::loop
