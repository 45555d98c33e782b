#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sinter/sinter.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <sstream>

#include "frontend/training/loss_curve.h"

namespace sinter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(LossCurve, IsDrawnInDots) {
  LossCurve curve(8);
  curve.add(3);
  EXPECT_THAT(curve.lines(2), IsEmpty());
  for (const double value : {2., 1., 0.}) curve.add(value);
  EXPECT_THAT(curve.lines(2), ElementsAre("        3 ┤⠱⡀", "        0 ┤ ⢣"));
}

TEST(LossCurve, HasSoManyColumnsHoweverManyValues) {
  LossCurve curve(20);
  for (int i = 0; i < 1000; ++i) curve.add(1000 - i);
  const std::vector<std::string> lines = curve.lines(3);
  ASSERT_EQ(lines.size(), 3u);
  for (const std::string& line : lines) EXPECT_LE(line.size(), 10 + 3 + 3 * 10u) << line;
  EXPECT_THAT(lines.front(), StartsWith("    968.5 ┤"));
  LossCurve gap(8);
  for (const double value : {1., std::numeric_limits<double>::quiet_NaN(), 1.}) gap.add(value);
  EXPECT_EQ(gap.lines(1).size(), 1u);
  LossCurve none(8);
  for (int i = 0; i < 3; ++i) none.add(std::numeric_limits<double>::infinity());
  EXPECT_THAT(none.lines(1), IsEmpty());
}

TEST(TrainingView, SaysHowItGoes) {
  TrainingView view(nullptr, 400);
  for (int step = 0; step < 100; ++step) view.step({.loss = 2 - 0.01 * step, .rate = 1e-3, .rows = 320});
  const std::string text = view.text(50);
  EXPECT_THAT(text, StartsWith("step 100 of 400  2 min 30 s left\n"
                               "loss 1.0100  rate 1.00e-03  2.0 steps/s  640 rows/s\n"
                               "        2 ┤"));
  std::istringstream lines(text);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto is_begin = [](char c) { return (c & 0xc0) != 0x80; };  // of a character of UTF-8
    EXPECT_LE(std::count_if(line.begin(), line.end(), is_begin), 80) << line;
  }
  EXPECT_EQ(count, 8u);
}

// What a terminal gets: the picture, and on it the next, until it is taken away.
TEST(TrainingView, IsDrawnOnATerminalAndTakenAway) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  std::FILE* file = std::fopen(ptsname(terminal), "w");
  ASSERT_NE(file, nullptr);
  // All that came, once nothing more does.
  const auto seen = [&] {
    std::string all;
    std::array<char, 4096> bytes{};
    for (pollfd waiting{terminal, POLLIN, 0}; poll(&waiting, 1, 200) > 0;) {
      const ssize_t count = read(terminal, bytes.data(), bytes.size());
      if (count <= 0) break;
      all.append(bytes.data(), static_cast<size_t>(count));
    }
    return all;
  };
  {
    TrainingView view(file, 3);
    view.step({.loss = 2});
    view.step({.loss = 1});    // too soon to be drawn
    view.step({.loss = 0.5});  // the last one is
    const std::string pictures = seen();
    EXPECT_THAT(pictures, StartsWith("step 1 of 3"));
    EXPECT_THAT(pictures, Not(HasSubstr("step 2 of 3")));
    EXPECT_THAT(pictures, HasSubstr("\x1b[2F\x1b[Jstep 3 of 3  0 s left"));
    view.clear();
    EXPECT_EQ(seen(), "\x1b[8F\x1b[J");
  }
  EXPECT_EQ(seen(), "");
  std::fclose(file);
  close(terminal);
}

TEST(TrainingView, IsQuietElsewhere) {
  std::FILE* file = std::tmpfile();
  {
    TrainingView view(file, 2);
    view.step({.loss = 1});
    view.step({.loss = 1});
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

}  // namespace
}  // namespace sinter
