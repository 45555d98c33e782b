#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The words of the text form.
namespace sinter::graph {

enum class TokenKind : uint8_t {
  end,
  word,     // add, f32, state names in "@a.b" without the mark
  value,    // %3, %ids
  symbol,   // @predict
  integer,  // 3, -3
  number,   // 2.5, 1e-05, -inf
  string,   // "..."
  mark      // one character
};

struct Position {
  int line = 1;
  int column = 1;  // in bytes
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // as it stands; of a value or a symbol, without % or @
  std::string string;     // of a string, its content
  int64_t integer = 0;
  double number = 0;
  Position position;
  bool first_on_line = false;
};

class Lexer {
 public:
  Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Token next();
  // Throws GraphError "FILE:LINE:COLUMN: message".
  [[noreturn]] void fail(Position position, std::string_view message) const;

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void advance(size_t count = 1);
  void skip_space();
  size_t word_length(size_t from) const;
  Token take(TokenKind kind, size_t length);
  Token named(TokenKind kind, std::string_view what);
  Token number();
  Token string();

  std::string_view text_;
  std::string file_;
  size_t at_ = 0;
  Position position_;
  bool first_on_line_ = true;
};

}  // namespace sinter::graph
