#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/training/metrics.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

namespace sinter {
namespace {

std::vector<double> checked_counts(std::string_view what, const Array& counts, const Shape& shape) {
  if (counts.shape() != shape || (counts.dtype() != f32 && counts.dtype() != f64)) {
    throw Error(fmt::format("{}: adds up {}, got {}", what, to_string(f32, shape),
                            to_string(counts.dtype(), counts.shape())));
  }
  if (counts.dtype() == f64) return {counts.data<double>(), counts.data<double>() + counts.size()};
  return {counts.data<float>(), counts.data<float>() + counts.size()};
}

double share_of(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

}  // namespace

void Average::add(const Array& counts) {
  const std::vector<double> values = checked_counts("Average", counts, {2});
  sum_ += values[0];
  count_ += values[1];
}

double Average::mean() const {
  return sum_ / count_;
}
double Average::perplexity() const {
  return std::exp(mean());
}

void Confusion::add(const Array& counts) {
  const int64_t classes = classes_ > 0 || counts.shape().empty() ? classes_ : counts.shape()[0];
  const std::vector<double> values = checked_counts("Confusion", counts, {classes, classes});
  classes_ = classes;
  counts_.resize(values.size());
  std::ranges::transform(counts_, values, counts_.begin(), std::plus<>());
}

double Confusion::count(int64_t label, int64_t predicted) const {
  if (label < 0 || label >= classes_ || predicted < 0 || predicted >= classes_) {
    throw Error(fmt::format("Confusion: there is no class {} or {}, of {}", label, predicted, classes_));
  }
  return counts_[static_cast<size_t>(label * classes_ + predicted)];
}

double Confusion::of_label(int64_t label) const {
  double sum = 0;
  for (int64_t i = 0; i < classes_; ++i) sum += count(label, i);
  return sum;
}
double Confusion::of_prediction(int64_t predicted) const {
  double sum = 0;
  for (int64_t i = 0; i < classes_; ++i) sum += count(i, predicted);
  return sum;
}
template <typename Measure>
double Confusion::mean_over_classes(Measure measure) const {
  double sum = 0;
  for (int64_t i = 0; i < classes_; ++i) sum += measure(i);
  return sum / static_cast<double>(classes_);
}

double Confusion::accuracy() const {
  double right = 0, all = 0;
  for (int64_t i = 0; i < classes_; ++i) {
    right += count(i, i);
    all += of_label(i);
  }
  return right / all;
}
double Confusion::precision(int64_t of) const {
  return share_of(count(of, of), of_prediction(of));
}
double Confusion::recall(int64_t of) const {
  return share_of(count(of, of), of_label(of));
}
double Confusion::f1(int64_t of) const {
  return share_of(2 * count(of, of), of_prediction(of) + of_label(of));
}
double Confusion::precision() const {
  return mean_over_classes([&](int64_t i) { return precision(i); });
}
double Confusion::recall() const {
  return mean_over_classes([&](int64_t i) { return recall(i); });
}
double Confusion::f1() const {
  return mean_over_classes([&](int64_t i) { return f1(i); });
}

void Ranking::add(const Array& counts) {
  const int64_t bins = bins_ > 0 || counts.shape().empty() ? bins_ : counts.shape().back();
  const std::vector<double> values = checked_counts("Ranking", counts, {2, bins});
  bins_ = bins;
  counts_.resize(values.size());
  std::ranges::transform(counts_, values, counts_.begin(), std::plus<>());
}

double Ranking::auc() const {
  double below = 0, positive = 0, ordered = 0;  // negatives so far, positives, pairs in their order
  for (size_t bin = 0; bin < counts_.size() / 2; ++bin) {
    const double zeros = counts_[bin], ones = counts_[counts_.size() / 2 + bin];
    ordered += ones * (below + zeros / 2);
    below += zeros;
    positive += ones;
  }
  return ordered / (below * positive);
}

}  // namespace sinter
