#include "frontend/training/loss_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace sinter {
namespace {

constexpr size_t kDotsWide = 2, kDotsHigh = 4;

// The bit of each dot of a Braille pattern, by column and by row from the top.
constexpr unsigned kDots[kDotsWide][kDotsHigh] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};

std::string pattern(unsigned dots) {
  if (dots == 0) return " ";
  const unsigned code = 0x2800 + dots;
  return {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
          static_cast<char>(0x80 | (code & 0x3f))};
}

}  // namespace

void LossCurve::add(double value) {
  if (columns_.empty() || columns_.back().values == values_) {
    if (columns_.size() == most_) {
      for (size_t i = 0; i < most_ / 2; ++i) {
        const Column &left = columns_[2 * i], &right = columns_[2 * i + 1];
        columns_[i] = {left.sum + right.sum, left.count + right.count, left.values + right.values};
      }
      columns_.resize(most_ / 2);
      values_ *= 2;
    }
    columns_.emplace_back();
  }
  Column& column = columns_.back();
  ++column.values;
  if (!std::isfinite(value)) return;
  column.sum += value;
  ++column.count;
}

std::vector<std::string> LossCurve::lines(size_t height) const {
  const auto value_of = [](const Column& column) { return column.sum / static_cast<double>(column.count); };
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Column& column : columns_) {
    if (column.count == 0) continue;
    low = std::min(low, value_of(column));
    high = std::max(high, value_of(column));
  }
  if (columns_.size() < 2 || low > high) return {};
  const auto rows = static_cast<double>(height * kDotsHigh - 1);
  const double range = high > low ? high - low : 1;
  const auto row_of = [&](const Column& column) {
    return static_cast<size_t>(std::lround((high - value_of(column)) / range * rows));
  };
  std::vector<std::vector<unsigned>> cells(
      height, std::vector<unsigned>((columns_.size() + kDotsWide - 1) / kDotsWide, 0));
  for (size_t x = 0; x < columns_.size(); ++x) {
    if (columns_[x].count == 0) continue;
    const bool joins = x > 0 && columns_[x - 1].count > 0;
    const size_t to = row_of(columns_[x]);
    const size_t from = joins ? row_of(columns_[x - 1]) : to;
    // From the one before, without its own dot.
    const size_t first = to > from ? from + 1 : to, last = to < from ? from - 1 : to;
    for (size_t y = first; y <= last; ++y)
      cells[y / kDotsHigh][x / kDotsWide] |= kDots[x % kDotsWide][y % kDotsHigh];
  }
  std::vector<std::string> lines;
  for (size_t i = 0; i < height; ++i) {
    const bool is_end = i == 0 || i + 1 == height;
    std::string line =
        fmt::format("{:>9} {}", is_end ? fmt::format("{:.4g}", i == 0 ? high : low) : "", is_end ? "┤" : "│");
    for (const unsigned dots : cells[i]) line += pattern(dots);
    lines.push_back(line.erase(line.find_last_not_of(' ') + 1));
  }
  return lines;
}

}  // namespace sinter
