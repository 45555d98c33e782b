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

// Pairs of a 0 and a 1 in their order, over groups of equal scores, the lowest first.
class OrderedPairs {
 public:
  void add(double zeros, double ones) {
    ordered_ += ones * (zeros_ + zeros / 2);
    zeros_ += zeros;
    ones_ += ones;
  }
  double share() const { return ordered_ / (zeros_ * ones_); }

 private:
  double zeros_ = 0, ones_ = 0, ordered_ = 0;
};

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
  if (!scored_.empty()) throw Error("Ranking: adds up counts or takes scores, not both");
  const int64_t bins = bins_ > 0 || counts.shape().empty() ? bins_ : counts.shape().back();
  const std::vector<double> values = checked_counts("Ranking", counts, {2, bins});
  bins_ = bins;
  counts_.resize(values.size());
  std::ranges::transform(counts_, values, counts_.begin(), std::plus<>());
}

void Ranking::add(const Array& scores, const Array& targets, const Array& weights) {
  if (bins_ > 0) throw Error("Ranking: adds up counts or takes scores, not both");
  const auto takes = [&](bool fits, std::string_view what, const Array& got) {
    if (fits && got.shape() == scores.shape()) return;
    throw Error(fmt::format("Ranking: takes {} of the scores' shape, got {} with {}", what,
                            to_string(got.dtype(), got.shape()), to_string(scores.dtype(), scores.shape())));
  };
  if (scores.dtype() != f32)
    throw Error(fmt::format("Ranking: takes scores f32, got {}", name(scores.dtype())));
  takes(targets.dtype() == i32 || targets.dtype() == i64, "targets i32 or i64", targets);
  if (weights.defined()) takes(weights.dtype() == f32, "weights f32", weights);
  std::vector<Scored> more;
  for (int64_t i = 0; i < scores.size(); ++i) {
    const float score = scores.data<float>()[i], weight = weights.defined() ? weights.data<float>()[i] : 1;
    if (weight == 0) continue;
    const int64_t target = targets.dtype() == i32 ? targets.data<int32_t>()[i] : targets.data<int64_t>()[i];
    if (std::isnan(score)) throw Error(fmt::format("Ranking: score {} is no number", i));
    if (!(weight > 0)) throw Error(fmt::format("Ranking: weight {} is {}, not from 0 on", i, weight));
    if (target != 0 && target != 1)
      throw Error(fmt::format("Ranking: target {} is {}, not 0 or 1", i, target));
    more.push_back({score, target == 1 ? weight : -weight});
  }
  scored_.insert(scored_.end(), more.begin(), more.end());
}

double Ranking::auc() const {
  OrderedPairs pairs;
  const size_t bins = counts_.size() / 2;
  for (size_t bin = 0; bin < bins; ++bin) pairs.add(counts_[bin], counts_[bins + bin]);
  std::vector<Scored> sorted = scored_;
  std::ranges::sort(sorted, {}, &Scored::score);
  for (auto it = sorted.begin(); it != sorted.end();) {
    double zeros = 0, ones = 0;
    const float score = it->score;
    for (; it != sorted.end() && it->score == score; ++it)
      (it->weight < 0 ? zeros : ones) += std::abs(it->weight);
    pairs.add(zeros, ones);
  }
  return pairs.share();
}

}  // namespace sinter
