#include <fmt/format.h>
#include <sinter/training/training_view.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "frontend/training/loss_curve.h"

namespace sinter {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kWidth = 136, kHeight = 6;  // of the curve: dots and lines
constexpr auto kBetween = std::chrono::milliseconds(100);

// "950", "12.3 k"
std::string amount(double value) {
  if (value < 1e4) return fmt::format("{:.{}f}", value, value < 10 ? 1 : 0);
  return value < 1e6 ? fmt::format("{:.1f} k", 1e-3 * value) : fmt::format("{:.1f} M", 1e-6 * value);
}

// "42 s", "3 min 20 s", "2 h 5 min"
std::string time_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

struct TrainingView::State {
  std::FILE* file;
  int64_t steps;
  bool is_terminal;
  int64_t done = 0;
  int64_t rows = 0;
  Step last = {};
  LossCurve curve{kWidth};
  int64_t drawn = 0;  // lines on the terminal
  Clock::time_point begin = Clock::now();
  Clock::time_point shown = {};
};

TrainingView::TrainingView(std::FILE* file, int64_t steps)
    : state_(new State{
          .file = file, .steps = steps, .is_terminal = file != nullptr && ::isatty(::fileno(file)) == 1}) {}

TrainingView::~TrainingView() {
  clear();
}

void TrainingView::step(const Step& step) {
  State& s = *state_;
  ++s.done;
  s.rows += step.rows;
  s.last = step;
  s.curve.add(step.loss);
  if (!s.is_terminal) return;
  const auto now = Clock::now();
  if (now - s.shown < kBetween && s.done < s.steps) return;
  s.shown = now;
  clear();
  const std::string picture = text(std::chrono::duration<double>(now - s.begin).count());
  std::fputs(picture.c_str(), s.file);
  std::fflush(s.file);
  s.drawn = std::count(picture.begin(), picture.end(), '\n');
}

void TrainingView::clear() {
  if (state_->drawn == 0) return;
  fmt::print(state_->file, "\x1b[{}F\x1b[J", state_->drawn);  // up to its first line, and all below
  std::fflush(state_->file);
  state_->drawn = 0;
}

std::string TrainingView::text(double seconds) const {
  const State& s = *state_;
  const double done = static_cast<double>(s.done), each = seconds / std::max(done, 1.0);
  const double left = each * static_cast<double>(std::max<int64_t>(s.steps - s.done, 0));
  const auto a_second = [&](double count) { return amount(count / std::max(seconds, 1e-9)); };
  std::string text =
      fmt::format("step {} of {}  {} left\nloss {:.4f}", s.done, s.steps, time_text(left), s.last.loss);
  if (s.last.rate) text += fmt::format("  rate {:.2e}", *s.last.rate);
  text += fmt::format("  {} steps/s", a_second(done));
  if (s.rows > 0) text += fmt::format("  {} rows/s", a_second(static_cast<double>(s.rows)));
  text += "\n";
  for (const std::string& row : s.curve.lines(kHeight)) text += row + "\n";
  return text;
}

}  // namespace sinter
