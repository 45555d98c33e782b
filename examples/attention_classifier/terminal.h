#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace attention_classifier {

// What the program shows while and after it trains: text in UTF-8, at most 80 columns wide.

// A line on stderr that shows how far a loop is and how many steps it makes a second. Draws nothing unless
// stderr is a terminal.
class ProgressBar {
 public:
  ProgressBar(std::string label, int64_t total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(int64_t done);  // cheap: redraws at most ten times a second
  void clear();               // takes the line away, as the destructor does

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  int64_t total_;
  bool visible_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_drawn_;
};

// "epoch 3  ━━━━━━━───────  415/830  1284 steps/s"
std::string progress_line(std::string_view label, int64_t done, int64_t total, double seconds);

// Loss (thin line, left axis) and accuracy (thick line, right axis, in percent) over the epochs, which are
// numbered from 1. Both spans have one value an epoch; values that are not finite leave a gap.
std::string training_plot(std::span<const double> loss, std::span<const double> accuracy);

// The weights of a self-attention, [words, words] row-major, one row for each word that looks: shaded, with
// the hundredths beside (at most 99; a dot where they round to 0).
std::string attention_table(std::span<const std::string> words, std::span<const float> weights);

// The first columns of a row-major matrix that has one row for each word.
std::string matrix_preview(std::span<const std::string> words, std::span<const float> values);

// Each word's probabilities, [words, classes] row-major, with its most probable class marked.
std::string probability_table(std::span<const std::string> words, std::span<const std::string_view> classes,
                              std::span<const float> probabilities);

}  // namespace attention_classifier
