#pragma once

#include <string>
#include <string_view>
#include <vector>

// The text form of loops, line by line: as in Python, how far a line is indented says what it belongs to.
namespace sinter::loop {

struct Line {
  int number = 1;
  size_t indent = 0;      // spaces
  std::string_view text;  // without them
};

// Without empty lines.
std::vector<Line> lines_of(std::string_view text);

enum class TokenKind : uint8_t { end, word, shared, integer, number, string, bytes, mark };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view
      text;  // as it stands. word: "acc", "f32". shared: "$0". bytes: "0x00ff". mark: "..+", "<=", "("
  std::string string;  // of a name in quotes, what they hold
  size_t column = 0;
};

// The tokens of one line. What does not fit is a GraphError "FILE:LINE:COLUMN: ...".
class LineLexer {
 public:
  LineLexer(const Line& line, std::string_view file) : line_(&line), file_(file) { next(); }

  const Token& peek() const { return token_; }
  Token next();  // what peek() gave

  bool takes(std::string_view text);  // a word or a mark, if it stands here
  void expect(std::string_view text);
  void expect_end();
  std::string word(std::string_view what);
  std::string name(
      std::string_view what);  // of a kernel or a slot: a name may have more characters than a word
  int64_t integer(std::string_view what);  // also below 0
  std::string rest();                      // "(model.cpp:3)" at the end of the line, without parentheses

  [[noreturn]] void fail(std::string_view message) const;  // at the token that is next

 private:
  Token read();
  size_t length_while(auto holds, size_t from) const;

  const Line* line_;
  std::string_view file_;
  size_t at_ = 0;
  Token token_;
};

}  // namespace sinter::loop
