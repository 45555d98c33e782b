#include "ir/graph/text/lexer.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "ir/error.h"

namespace sinter::graph {
namespace {

// The classification of <cctype> depends on the locale.
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool continues_word(char c) {
  return starts_word(c) || is_digit(c) || c == '.';
}

}  // namespace

void Lexer::fail(Position position, std::string_view message) const {
  throw GraphError(fmt::format("{}:{}:{}: {}", file_, position.line, position.column, message));
}

void Lexer::advance(size_t count) {
  for (; count > 0; --count, ++at_) {
    if (text_[at_] == '\n') {
      ++position_.line;
      position_.column = 1;
      first_on_line_ = true;
    } else {
      ++position_.column;
    }
  }
}

void Lexer::skip_space() {
  while (at_ < text_.size()) {
    const char c = peek();
    if (c == '/' && peek(1) == '/') {
      while (at_ < text_.size() && peek() != '\n') advance();
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      advance();
    } else {
      return;
    }
  }
}

size_t Lexer::word_length(size_t from) const {
  if (!starts_word(peek(from))) return 0;
  size_t length = 1;
  while (continues_word(peek(from + length))) ++length;
  return length;
}

Token Lexer::take(TokenKind kind, size_t length) {
  Token token;
  token.kind = kind;
  token.text = text_.substr(at_, length);
  token.position = position_;
  token.first_on_line = first_on_line_;
  advance(length);
  first_on_line_ = false;
  return token;
}

Token Lexer::named(TokenKind kind, std::string_view what) {
  size_t length = word_length(1);
  if (length == 0 && is_digit(peek(1))) {
    const auto continues = kind == TokenKind::value ? is_digit : continues_word;
    while (continues(peek(1 + length))) ++length;
  }
  if (length == 0) fail(position_, fmt::format("expected {} after '{}'", what, peek()));
  Token token = take(kind, 1 + length);
  token.text.remove_prefix(1);
  return token;
}

Token Lexer::number() {
  size_t length = peek() == '-' ? 1 : 0;
  bool integral = true;
  if (text_.substr(at_ + length, 3) == "inf") {
    Token token = take(TokenKind::number, length + 3);
    token.number = -std::numeric_limits<double>::infinity();
    return token;
  }
  const size_t digits = length;
  const auto skip_digits = [&] {
    while (is_digit(peek(length))) ++length;
  };
  skip_digits();
  if (length == digits) fail(position_, "expected a number after '-'");
  if (peek(length) == '.') {
    integral = false;
    ++length;
    skip_digits();
  }
  if (peek(length) == 'e' || peek(length) == 'E') {
    integral = false;
    ++length;
    if (peek(length) == '-' || peek(length) == '+') ++length;
    skip_digits();
  }
  Token token = take(integral ? TokenKind::integer : TokenKind::number, length);
  const char* begin = token.text.data();
  const char* end = begin + token.text.size();
  const auto [rest, error] =
      integral ? std::from_chars(begin, end, token.integer) : std::from_chars(begin, end, token.number);
  if (error == std::errc::result_out_of_range) {
    fail(token.position, fmt::format("{} does not fit in 64 bits", integral ? "the integer" : "the number"));
  }
  if (error != std::errc() || rest != end)
    fail(token.position, "expected a number, found '" + std::string(token.text) + "'");
  return token;
}

Token Lexer::string() {
  std::string content;
  size_t length = 1;
  for (; peek(length) != '"'; ++length) {
    if (at_ + length >= text_.size() || peek(length) == '\n') fail(position_, "the string does not end");
    char c = peek(length);
    if (c == '\\') {
      c = peek(++length);
      if (c != '"' && c != '\\' && c != 'n') {
        Position position = position_;
        position.column += static_cast<int>(length) - 1;
        fail(position, "expected \\\", \\\\ or \\n: a string knows no other escapes");
      }
      if (c == 'n') c = '\n';
    }
    content += c;
  }
  Token token = take(TokenKind::string, length + 1);
  token.string = std::move(content);
  return token;
}

Token Lexer::next() {
  skip_space();
  if (at_ >= text_.size()) return take(TokenKind::end, 0);
  const char c = peek();
  if (starts_word(c)) return take(TokenKind::word, word_length(0));
  if (is_digit(c) || c == '-') return number();
  if (c == '"') return string();
  if (c == '%') return named(TokenKind::value, "the name of a value");
  if (c == '@' && peek(1) != '"') return named(TokenKind::symbol, "a name");
  return take(TokenKind::mark, 1);
}

}  // namespace sinter::graph
