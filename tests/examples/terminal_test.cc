#include "examples/attention_classifier/terminal.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <sstream>
#include <vector>

#include "examples/attention_classifier/sentence.h"
#include "examples/attention_classifier/utf8.h"

namespace attention_classifier {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void expect_fits(const std::string& text) {
  for (const std::string& line : lines_of(text)) EXPECT_LE(decode_utf8(line).size(), 80u) << line;
}

std::vector<std::string> ten_words() {
  return {"they", "extraordinarily", "caf\u00e9", "the", "a", "b", "c", "d", "e", "."};
}

TEST(Terminal, PlotShowsBothLinesBetweenTheirLimits) {
  const std::string plot = training_plot(std::array{0.5, 0.25, 0.125}, std::array{0.9, 0.95, 0.96});
  const std::vector<std::string> lines = lines_of(plot);
  ASSERT_EQ(lines.size(), 16u);
  EXPECT_EQ(lines[0], "     ── loss (left)   ━━ accuracy in % (right)");
  EXPECT_TRUE(lines[1].starts_with("   0.500 ┤─")) << lines[1];
  EXPECT_TRUE(lines[1].ends_with("━├ 96.00")) << lines[1];
  EXPECT_TRUE(lines[13].starts_with("   0.125 ┤━")) << lines[13];
  EXPECT_TRUE(lines[13].ends_with("─├ 90.00")) << lines[13];
  EXPECT_EQ(lines[15], "   epoch  1                            2                             3");
  expect_fits(plot);
}

TEST(Terminal, PlotTakesOneEpochAndNumbersThatAreNotFinite) {
  const std::vector<std::string> lines = lines_of(training_plot(std::array{0.5}, std::array{0.9}));
  EXPECT_TRUE(lines[1].starts_with("   0.500 ┤━")) << lines[1];
  EXPECT_TRUE(lines[1].ends_with("━├ 90.00")) << lines[1];
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  expect_fits(training_plot(std::array{0.5, kNan, 0.25}, std::array{kNan, kNan, kNan}));
  expect_fits(training_plot({}, {}));
}

TEST(Terminal, PlotOfManyEpochsNumbersAsManyAsFit) {
  std::vector<double> values(100);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) / 100;
  const std::string plot = training_plot(values, values);
  expect_fits(plot);
  EXPECT_NE(plot.find("epoch  1"), plot.npos);
}

TEST(Terminal, AttentionTableShadesAndCounts) {
  const std::vector<std::string> words = {"the", "extraordinarily"};
  EXPECT_EQ(attention_table(words, std::array{1.0f, 0.0f, 0.25f, 0.75f}),
            "             the   extra\n"
            "        the  ██99     ·\n"
            "extraordina  ▒▒25  ██75\n"
            "");
  expect_fits(attention_table(ten_words(), std::vector<float>(100, 0.1f)));
}

TEST(Terminal, MatrixPreviewShowsTheFirstColumns) {
  const std::vector<std::string> words = {"run"};
  EXPECT_EQ(matrix_preview(words, std::array{1.0f, -0.5f}), "        run          1       -0.5\n");
  const std::string preview = matrix_preview(ten_words(), std::vector<float>(640, -1.234567e-10f));
  EXPECT_EQ(lines_of(preview).size(), 10u);
  expect_fits(preview);
}

TEST(Terminal, ProbabilityTableMarksTheWinner) {
  const std::vector<std::string> words = {"run"};
  EXPECT_EQ(probability_table(words, kClassNames, std::array{0.1f, 0.6f, 0.1f, 0.1f, 0.1f}),
            "                       noun       verb   modifier   function      other\n"
            "            run       0.100    ▶ 0.600      0.100      0.100      0.100\n");
  expect_fits(probability_table(ten_words(), kClassNames, std::vector<float>(50, 0.2f)));
}

}  // namespace
}  // namespace attention_classifier
