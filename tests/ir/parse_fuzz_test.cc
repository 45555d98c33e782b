#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/ir/sample.h"

namespace sinter::graph {
namespace {

// Words, numbers, single marks and the space between them.
std::vector<std::string> pieces(const std::string& text) {
  const auto kind = [](char c) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.') return 0;
    return std::isspace(static_cast<unsigned char>(c)) ? 1 : 2;
  };
  std::vector<std::string> result;
  for (char c : text) {
    const bool joins = !result.empty() && kind(c) != 2 && kind(result.back().back()) == kind(c);
    if (joins) {
      result.back() += c;
    } else {
      result.emplace_back(1, c);
    }
  }
  return result;
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string mutate(std::string text) {
    const size_t rounds = 1 + below(3);
    for (size_t round = 0; round < rounds; ++round) text = mutate_once(text);
    return text;
  }

 private:
  size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random_); }

  std::string mutate_once(const std::string& text) {
    if (text.empty()) return text;
    const size_t at = below(text.size());
    switch (below(8)) {
      case 0:
        return text.substr(0, at);
      case 1: {
        std::string changed = text;
        changed[at] = static_cast<char>(below(256));
        return changed;
      }
      default:
        return mutate_pieces(text);
    }
  }

  std::string mutate_pieces(const std::string& text) {
    static const std::vector<std::string> kHostile = {
        "0",     "-1",   "2147483647", "-2147483647", "1000000", "9223372036854775807",
        "1e308", "inf",  "-inf",       "nan",         "[]",      "true",
        "f16",   "bool", "\"",         "//",          "{",       "}",
        "(",     "%x",   "@\"a\":1",   "kernel",      "return",  "\\"};
    auto parts = pieces(text);
    const size_t at = below(parts.size()), other = below(parts.size());
    switch (below(4)) {
      case 0:
        parts.erase(parts.begin() + static_cast<int64_t>(at));
        break;
      case 1:
        std::swap(parts[at], parts[other]);
        break;
      case 2:
        parts[at] = parts[other];
        break;
      default:
        parts[at] = kHostile[below(kHostile.size())];
    }
    std::string result;
    for (const std::string& part : parts) result += part;
    return result;
  }

  std::mt19937 random_;
};

// One function of the text and the state, so that most mutations leave the rest of what is parsed alone.
std::vector<std::string> fragments(const std::string& text) {
  const std::string states = text.substr(0, text.find("func"));
  std::vector<std::string> result = {text};
  for (size_t begin = text.find("func"); begin != std::string::npos;) {
    const size_t end = text.find("\nfunc", begin);
    result.push_back(states + text.substr(begin, end - begin));
    begin = end == std::string::npos ? end : end + 1;
  }
  return result;
}

TEST(ParseFuzz, DamagedTextParsesOrThrows) {
  const auto texts = fragments(every_op());
  ASSERT_GT(texts.size(), 5u);
  int parsed = 0;
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    const std::string text = Mutator(seed).mutate(texts[seed % texts.size()]);
    try {
      const std::string printed = print(parse(text));
      ++parsed;
      EXPECT_EQ(print(parse(printed)), printed);
    } catch (const GraphError&) {
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << text;
    }
  }
  EXPECT_GT(parsed, 100);
}

TEST(ParseFuzz, DeepAndLongTexts) {
  std::string kernels;
  for (int i = 0; i < 100000; ++i) kernels += "kernel {anchor=\"map\"} () { ";
  EXPECT_THROW(parse("func @f() { " + kernels), GraphError);
  std::string calls;
  for (int i = 0; i < 2000; ++i)
    calls +=
        "func @f" + std::to_string(i) + "() { call {function=\"f" + std::to_string(i + 1) + "\"} return }\n";
  EXPECT_THROW(parse(calls + "func @f2000() { return }"), GraphError);
  EXPECT_THROW(parse(std::string(100000, '[')), GraphError);
  EXPECT_THROW(parse("state @a: f32[" + std::string(100000, '9') + "]"), GraphError);
  EXPECT_THROW(parse(std::string("func\0@f", 7)), GraphError);
}

}  // namespace
}  // namespace sinter::graph
