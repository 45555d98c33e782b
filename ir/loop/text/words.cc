#include "ir/loop/text/words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <unordered_set>

namespace sinter::loop {
namespace {

std::unordered_set<std::string> words_of_expressions() {
  std::unordered_set<std::string> words = {"nan", "inf", "true", "false", "if"};
  for (const Type type : kTypes) {
    for (const char* before : {"", "bitcast_", "to_unsigned_"})
      words.insert(before + std::string(name(type)));
  }
  for (const ContextValue value : kContextValues) words.insert(std::string(name(value)));
  for (int op = 0; op <= static_cast<int>(kLastScalarOp); ++op)
    words.insert(std::string(name(static_cast<ScalarOp>(op))));
  return words;
}

}  // namespace

bool begins_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool is_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool is_of_name(char c) {
  return is_of_word(c) || std::string_view(".+-/@#").find(c) != std::string_view::npos;
}

bool means_something_in_expressions(std::string_view word) {
  static const std::unordered_set<std::string> words = words_of_expressions();
  return words.contains(std::string(word));
}

bool begins_line(std::string_view word) {
  constexpr std::array<std::string_view, 18> kWords = {
      "unrolled", "vector", "parallel", "workgroup", "lane",  "for", "let",  "local",   "shared",
      "if",       "else",   "fault",    "prefetch",  "scope", "out", "pass", "barrier", "part"};
  return std::ranges::find(kWords, word) != kWords.end();
}

std::string_view name(LoopKind kind) {
  switch (kind) {
    case LoopKind::serial:
      return "";
    case LoopKind::unrolled:
      return "unrolled";
    case LoopKind::vector:
      return "vector";
    case LoopKind::parallel:
      return "parallel";
    case LoopKind::workgroup:
      return "workgroup";
    case LoopKind::lane:
      return "lane";
  }
  return "";
}

std::string_view name(ContextValue value) {
  switch (value) {
    case ContextValue::seed_low:
      return "seed_low";
    case ContextValue::seed_high:
      return "seed_high";
    case ContextValue::step:
      return "step";
  }
  return "";
}

Infix infix(ScalarOp op, Type operand) {
  switch (op) {
    case ScalarOp::logical_or:
      return operand == Type::boolean ? Infix{" || ", 1} : Infix{};
    case ScalarOp::logical_and:
      return operand == Type::boolean ? Infix{" && ", 2} : Infix{};
    case ScalarOp::equal:
      return {" == ", 3};
    case ScalarOp::not_equal:
      return {" != ", 3};
    case ScalarOp::less:
      return {" < ", 3};
    case ScalarOp::less_equal:
      return {" <= ", 3};
    case ScalarOp::greater:
      return {" > ", 3};
    case ScalarOp::greater_equal:
      return {" >= ", 3};
    case ScalarOp::add:
      return {" + ", kSum};
    case ScalarOp::sub:
      return {" - ", kSum};
    case ScalarOp::mul:
      return {"*", 5};
    case ScalarOp::div:
      return {"/", 5};
    case ScalarOp::rem:
      return {"%", 5};
    default:
      return {};
  }
}

}  // namespace sinter::loop
