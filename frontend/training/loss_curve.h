#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sinter {

// A curve of text that is drawn while it grows: however many values come, it has at most so many columns,
// each the mean of as many values as the others.
class LossCurve {
 public:
  explicit LossCurve(size_t columns) : most_(columns) {}

  void add(double value);  // one that is not finite leaves a gap
  // Lines of Braille patterns, each two columns and four rows of dots wide and high, with the range at their
  // left: "2.31 ┤⠉⠢⣀". Empty as long as there are fewer than two columns.
  std::vector<std::string> lines(size_t height) const;

 private:
  struct Column {
    double sum = 0;
    int64_t count = 0;  // of the finite ones
    int64_t values = 0;
  };

  size_t most_;
  int64_t values_ = 1;  // of a column
  std::vector<Column> columns_;
};

}  // namespace sinter
