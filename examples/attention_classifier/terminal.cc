#include "examples/attention_classifier/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace attention_classifier {
namespace {

std::string repeat(std::string_view piece, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += piece;
  return text;
}

// Drops the spaces at the end of a line.
std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

// What one axis of the plot shows from bottom to top.
struct AxisRange {
  double low;
  double high;
};

AxisRange range_of(std::span<const double> values) {
  AxisRange range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (double value : values) {
    if (!std::isfinite(value)) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  if (range.low > range.high) return {0, 1};
  if (range.low == range.high) return {range.low - 0.05, range.high};
  return range;
}

constexpr int kPlotWidth = 60;
constexpr int kPlotHeight = 13;

struct LinePieces {
  std::string_view level, vertical, from_left_down, from_left_up, down_to_right, up_to_right;
};
constexpr LinePieces kThin = {"─", "│", "╮", "╯", "╰", "╭"};
constexpr LinePieces kThick = {"━", "┃", "┓", "┛", "┗", "┏"};

class Canvas {
 public:
  Canvas() { cells_.fill(" "); }

  // Draws values, spread evenly over the width, as a line of box-drawing characters.
  void trace(std::span<const double> values, const AxisRange& range, const LinePieces& pieces) {
    int previous = kGap;
    for (int x = 0; x < kPlotWidth; ++x) {
      const int y = height_at(values, range, x);
      if (y != kGap) join(x, previous == kGap ? y : previous, y, pieces);
      previous = y;
    }
  }

  std::string row(int y) const {
    std::string line;
    for (int x = 0; x < kPlotWidth; ++x) line += cells_[index(x, y)];
    return line;
  }

 private:
  static constexpr int kGap = -1;

  static size_t index(int x, int y) { return static_cast<size_t>(y * kPlotWidth + x); }

  // The row, counted from the bottom, of the line through the values at a column; kGap where there is none.
  static int height_at(std::span<const double> values, const AxisRange& range, int x) {
    if (values.empty()) return kGap;
    const double at = static_cast<double>(x) * static_cast<double>(values.size() - 1) / (kPlotWidth - 1);
    const auto left = static_cast<size_t>(at);
    const size_t right = std::min(left + 1, values.size() - 1);
    const double part = at - static_cast<double>(left);
    const double value = part == 0 ? values[left] : values[left] + part * (values[right] - values[left]);
    if (!std::isfinite(value)) return kGap;
    return static_cast<int>(std::lround((value - range.low) / (range.high - range.low) * (kPlotHeight - 1)));
  }

  // One column of a line that comes in from the left at row `from` and leaves to the right at row `to`.
  void join(int x, int from, int to, const LinePieces& pieces) {
    if (from == to) {
      cells_[index(x, from)] = pieces.level;
      return;
    }
    for (int y = std::min(from, to) + 1; y < std::max(from, to); ++y) cells_[index(x, y)] = pieces.vertical;
    cells_[index(x, from)] = from > to ? pieces.from_left_down : pieces.from_left_up;
    cells_[index(x, to)] = from > to ? pieces.down_to_right : pieces.up_to_right;
  }

  std::array<std::string_view, size_t{kPlotWidth} * kPlotHeight> cells_;
};

// The numbers of the epochs, each below its value, as many as fit.
std::string epoch_labels(size_t count) {
  constexpr int kApart = 4;
  std::string line(kPlotWidth + kApart, ' ');
  int free_from = 0;
  for (size_t epoch = 1; epoch <= count; ++epoch) {
    const std::string label = std::to_string(epoch);
    const size_t intervals = std::max<size_t>(count - 1, 1);
    const int x = static_cast<int>((epoch - 1) * (kPlotWidth - 1) / intervals);
    if (x < free_from) continue;
    line.replace(static_cast<size_t>(x), label.size(), label);
    free_from = x + static_cast<int>(label.size()) + kApart;
  }
  return line;
}

}  // namespace

std::string training_plot(std::span<const double> loss, std::span<const double> accuracy) {
  assert(loss.size() == accuracy.size());
  const AxisRange losses = range_of(loss);
  const AxisRange accuracies = range_of(accuracy);
  Canvas canvas;
  canvas.trace(loss, losses, kThin);
  canvas.trace(accuracy, accuracies, kThick);

  std::string text = "     ── loss (left)   ━━ accuracy in % (right)\n";
  for (int y = kPlotHeight - 1; y >= 0; --y) {
    constexpr int kLabelEvery = 3;
    constexpr int kTop = kPlotHeight - 1;
    const auto at = [&](const AxisRange& range) { return range.low + (range.high - range.low) * y / kTop; };
    if (y % kLabelEvery == 0) {
      text += fmt::format("{:>8.3f} ┤{}├ {:.2f}\n", at(losses), canvas.row(y), 100 * at(accuracies));
    } else {
      text += fmt::format("{:>8} │{}│\n", "", canvas.row(y));
    }
  }
  text += fmt::format("{:>8} └{}┘\n", "", repeat("─", kPlotWidth));
  text += trimmed(fmt::format("{:>8}  {}", "epoch", epoch_labels(loss.size()))) + "\n";
  return text;
}

std::string attention_table(std::span<const std::string> words, std::span<const float> weights) {
  assert(weights.size() == words.size() * words.size());
  constexpr int kLabelWidth = 12;
  constexpr int kCellWidth = 6;
  constexpr std::array<std::string_view, 5> kShades = {" ", "░", "▒", "▓", "█"};
  constexpr std::array<float, 4> kShadeFrom = {0.05f, 0.2f, 0.4f, 0.7f};

  std::string header = fmt::format("{:{}}", "", kLabelWidth);
  for (const std::string& word : words)
    header += fmt::format(" {:<{}.{}}", word, kCellWidth - 1, kCellWidth - 1);
  std::string text = trimmed(header) + "\n";
  for (size_t i = 0; i < words.size(); ++i) {
    std::string line = fmt::format("{:>{}.{}}", words[i], kLabelWidth - 1, kLabelWidth - 1) + " ";
    for (size_t j = 0; j < words.size(); ++j) {
      const float weight = weights[i * words.size() + j];
      const auto shade = std::upper_bound(kShadeFrom.begin(), kShadeFrom.end(), weight) - kShadeFrom.begin();
      const long hundredths = std::isfinite(weight) ? std::clamp(std::lround(100 * weight), 0L, 99L) : 0;
      const std::string number = hundredths == 0 ? " ·" : fmt::format("{:02}", hundredths);
      line += fmt::format(" {}{} ", repeat(kShades[static_cast<size_t>(shade)], 2), number);
    }
    text += trimmed(line) + "\n";
  }
  return text;
}

std::string matrix_preview(std::span<const std::string> words, std::span<const float> values) {
  assert(!words.empty() && values.size() % words.size() == 0);
  constexpr int kLabelWidth = 12;
  constexpr size_t kColumns = 6;
  const size_t columns = values.size() / words.size();
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    text += fmt::format("{:>{}.{}}", words[i], kLabelWidth - 1, kLabelWidth - 1);
    for (float value : values.subspan(i * columns, std::min(columns, kColumns))) {
      text += fmt::format(" {:>10.4g}", value);
    }
    text += columns > kColumns ? " …\n" : "\n";
  }
  return text;
}

std::string probability_table(std::span<const std::string> words, std::span<const std::string_view> classes,
                              std::span<const float> probabilities) {
  assert(probabilities.size() == words.size() * classes.size());
  constexpr int kLabelWidth = 16;
  std::string header = fmt::format("{:{}}", "", kLabelWidth);
  for (std::string_view name : classes) header += fmt::format(" {:>10}", name);
  std::string text = header + "\n";
  for (size_t i = 0; i < words.size(); ++i) {
    text += fmt::format("{:>{}.{}} ", words[i], kLabelWidth - 1, kLabelWidth - 1);
    const std::span<const float> row = probabilities.subspan(i * classes.size(), classes.size());
    const auto winner = std::max_element(row.begin(), row.end());
    for (auto value = row.begin(); value != row.end(); ++value) {
      text += fmt::format(" {:>4} {:.3f}", value == winner ? "▶" : "", *value);
    }
    text += "\n";
  }
  return text;
}

}  // namespace attention_classifier
