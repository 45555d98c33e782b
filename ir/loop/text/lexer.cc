#include "ir/loop/text/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "ir/error.h"
#include "ir/loop/text/words.h"

namespace sinter::loop {
namespace {

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// Longer ones before those that they begin with.
constexpr std::array<std::string_view, 8> kLongMarks = {"..+", "..", "||", "&&", "==", "!=", "<=", ">="};

}  // namespace

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t indent = line.find_first_not_of(' ');
    if (indent != std::string_view::npos) lines.push_back({number, indent, line.substr(indent)});
  }
  return lines;
}

Token LineLexer::next() {
  Token taken = std::move(token_);
  token_ = read();
  return taken;
}

size_t LineLexer::length_while(auto holds, size_t from) const {
  size_t end = from;
  while (end < line_->text.size() && holds(line_->text[end])) ++end;
  return end - at_;
}

Token LineLexer::read() {
  const std::string_view text = line_->text;
  while (at_ < text.size() && text[at_] == ' ') ++at_;
  Token token;
  token.column = at_;
  if (at_ == text.size()) return token;
  const char c = text[at_];
  size_t length = 1;
  token.kind = TokenKind::mark;
  if (begins_word(c)) {
    token.kind = TokenKind::word;
    length = length_while(is_of_word, at_);
  } else if (c == '$') {
    token.kind = TokenKind::shared;
    length = length_while(is_digit, at_ + 1);
  } else if (text.substr(at_).starts_with("0x")) {
    token.kind = TokenKind::bytes;
    length = length_while([](char d) { return std::isxdigit(static_cast<unsigned char>(d)) != 0; }, at_ + 2);
  } else if (is_digit(c)) {
    token.kind = TokenKind::integer;
    length = length_while(is_digit, at_);
    const std::string_view after = text.substr(at_ + length);
    if ((after.starts_with('.') && !after.starts_with("..")) || after.starts_with('e')) {
      token.kind = TokenKind::number;
      double value = 0;
      length = static_cast<size_t>(std::from_chars(text.data() + at_, text.data() + text.size(), value).ptr -
                                   (text.data() + at_));
    }
  } else if (c == '"') {
    token.kind = TokenKind::string;
    for (; at_ + length < text.size() && text[at_ + length] != '"'; ++length) {
      if (text[at_ + length] == '\\' && at_ + length + 1 < text.size()) ++length;
      token.string += text[at_ + length];
    }
    if (at_ + length == text.size()) {
      token_ = token;
      fail("this name in quotes does not end");
    }
    ++length;
  } else if (const auto mark = std::ranges::find_if(
                 kLongMarks, [&](std::string_view m) { return text.substr(at_).starts_with(m); });
             mark != kLongMarks.end()) {
    length = mark->size();
  }
  token.text = text.substr(at_, length);
  at_ += length;
  return token;
}

bool LineLexer::takes(std::string_view text) {
  const bool is_here =
      (token_.kind == TokenKind::word || token_.kind == TokenKind::mark) && token_.text == text;
  if (is_here) next();
  return is_here;
}

void LineLexer::expect(std::string_view text) {
  if (!takes(text)) fail(fmt::format("expected '{}'", text));
}

void LineLexer::expect_end() {
  if (token_.kind != TokenKind::end) fail("expected the end of the line");
}

std::string LineLexer::word(std::string_view what) {
  if (token_.kind != TokenKind::word) fail(fmt::format("expected {}", what));
  return std::string(next().text);
}

std::string LineLexer::name(std::string_view what) {
  if (token_.kind == TokenKind::string) return next().string;
  const std::string_view from = line_->text.substr(token_.column);
  const size_t length = static_cast<size_t>(std::ranges::find_if_not(from, is_of_name) - from.begin());
  if (length == 0) fail(fmt::format("expected {}", what));
  at_ = token_.column + length;
  token_ = read();
  return std::string(from.substr(0, length));
}

int64_t LineLexer::integer(std::string_view what) {
  const size_t begin = token_.column;
  const bool is_negative = takes("-");
  if (token_.kind != TokenKind::integer) fail(fmt::format("expected {}", what));
  const Token digits = next();
  const std::string text = (is_negative ? "-" : "") + std::string(digits.text);
  int64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) {
    token_.column = begin;
    fail(fmt::format("{} does not fit into 64 bits", text));
  }
  return value;
}

std::string LineLexer::rest() {
  if (token_.kind == TokenKind::end) return "";
  std::string_view text = line_->text.substr(token_.column);
  if (!text.starts_with('(') || !text.ends_with(')')) fail("expected a location in parentheses");
  text = text.substr(1, text.size() - 2);
  at_ = line_->text.size();
  token_ = read();
  return std::string(text);
}

void LineLexer::fail(std::string_view message) const {
  std::string found =
      token_.kind == TokenKind::end ? "the line ends" : fmt::format("found '{}'", token_.text);
  if (!message.starts_with("expected")) found.clear();
  throw GraphError(fmt::format("{}:{}:{}: {}{}{}", file_, line_->number, line_->indent + token_.column + 1,
                               message, found.empty() ? "" : ", ", found));
}

}  // namespace sinter::loop
