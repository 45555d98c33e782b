#pragma once

#include <sinter/array.h>
#include <sinter/export.h>
#include <sinter/tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

// How good a model is, over any number of batches. A function of the program counts what a batch has, on its
// device; the host adds the counts up and makes the measure of all:
//
//   program.add("evaluate", ..., [&](const Inputs& in) -> Outputs {
//     return {{"confusion", confusion_counts(model(in["x"]), in["label"], {.weights = in["weight"]})}};
//   });
//   ...
//   Confusion confusion;
//   for (...) { step.run(); confusion.add(step.output("confusion")); }
//   confusion.accuracy();
//
// Counts are f32, exact up to 2^24 a batch; what adds them up takes f32 and f64.
namespace SINTER_EXPORT sinter {

struct CountOptions {
  std::optional<int64_t> ignore_index = {};  // positions with this label do not count
  Tensor weights = {};                       // f32, broadcasts to the labels: how much each position counts
};

// Of values, floating: f32[2], their sum and how many there are, both weighted. Of cross_entropy and
// Reduction::none it makes the perplexity, of square(prediction - target) the mean squared error.
Tensor mean_counts(Operand values, const Tensor& weights = {});
// Of logits [...,classes] and labels, integer [...]: f32[2], how many labels have the largest logit, and how
// many there are.
Tensor accuracy_counts(Operand logits, Operand labels, const CountOptions& options = {});
// The same as f32 [classes,classes]: how many positions of label i have the largest logit at j. A label
// outside the classes fails the call.
Tensor confusion_counts(Operand logits, Operand labels, const CountOptions& options = {});
// Of scores, f32 in [0,1], and integer targets of their shape, 0 or 1: f32 [2,bins], how many of either have
// a score in which part of [0,1]. Counts add up, so that no score need be kept; Ranking keeps them all and is
// exact.
Tensor ranking_counts(Operand scores, Operand targets, int64_t bins = 1000, const Tensor& weights = {});

// Adds up mean_counts or accuracy_counts.
class Average {
 public:
  void add(const Array& counts);

  double count() const { return count_; }
  double mean() const;        // NaN where nothing counts
  double perplexity() const;  // e^mean, of a mean cross entropy

 private:
  double sum_ = 0, count_ = 0;
};

// Adds up confusion_counts.
class Confusion {
 public:
  void add(const Array& counts);

  int64_t classes() const { return classes_; }
  double count(int64_t label, int64_t predicted) const;
  double accuracy() const;  // NaN where nothing counts
  // Of a class: which share of what was said to be of it is; which share of it was found; their harmonic
  // mean. 0 where there is nothing to share, as in scikit-learn.
  double precision(int64_t of) const;
  double recall(int64_t of) const;
  double f1(int64_t of) const;
  // Means over the classes.
  double precision() const;
  double recall() const;
  double f1() const;

 private:
  double of_label(int64_t label) const;
  double of_prediction(int64_t predicted) const;
  template <typename Measure>
  double mean_over_classes(Measure measure) const;

  int64_t classes_ = 0;
  std::vector<double> counts_;
};

// Adds up ranking_counts, or takes the scores themselves.
class Ranking {
 public:
  void add(const Array& counts);
  // Scores, f32 of any size, targets, i32 or i64 of their shape, 0 or 1, and how much each counts, f32 of
  // their shape. They are kept: 8 bytes each.
  void add(const Array& scores, const Array& targets, const Array& weights = {});

  // The area under the ROC curve: how likely a target of 1 scores above one of 0; equal scores count half,
  // and of counts those in one bin are equal. NaN where there are none of either.
  double auc() const;

 private:
  struct Scored {
    float score;
    float weight;  // below 0 of a target of 0
  };
  int64_t bins_ = 0;
  std::vector<double> counts_;
  std::vector<Scored> scored_;
};

}  // namespace sinter
