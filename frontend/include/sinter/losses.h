#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

#include <optional>

// Losses. Each says what it gives an element, a position or a pair; of these LossOptions make a scalar, or
// leave them as they are.
namespace SINTER_EXPORT sinter {

enum class Reduction { mean, sum, none };

struct LossOptions {
  Reduction reduction = Reduction::mean;
  // How much each counts; broadcasts to them. The mean is that of what counts, 0 where nothing does.
  Tensor weights = {};
};

struct CrossEntropyOptions {
  std::optional<int64_t> ignore_index = {};  // positions with this label do not count
  Tensor weights = {};                       // [classes]: how much each class counts
  double label_smoothing = 0;                // in [0,1]: the share of a label that all classes have alike
  Reduction reduction = Reduction::mean;
  Tensor position_weights = {};  // broadcasts to the labels: how much each position counts
};
// logits [...,classes], labels integer [...]: of a position -log softmax(logits)[label]; the mean is over
// what counts, 0 where nothing does. A label outside the classes fails the call.
Tensor cross_entropy(Operand logits, Operand labels, const CrossEntropyOptions& options = {});

// Of elements, logits and targets (in [0,1]) of one shape.
Tensor binary_cross_entropy(Operand logits, Operand targets, const LossOptions& options = {});

struct FocalOptions {
  double gamma = 2;                  // how much less what is right already counts; not negative
  std::optional<double> alpha = {};  // the weight of targets of 1, 1 - alpha of those of 0; in [0,1]
  Reduction reduction = Reduction::mean;
  Tensor weights = {};  // as LossOptions
};
// binary_cross_entropy times (1 - p)^gamma, p the probability of the target (Lin et al., "Focal loss for
// dense object detection", 2017).
Tensor focal_loss(Operand logits, Operand targets, const FocalOptions& options = {});

// Of elements, prediction and target of one shape.
Tensor mean_squared_error(Operand prediction, Operand target, const LossOptions& options = {});
Tensor mean_absolute_error(Operand prediction, Operand target, const LossOptions& options = {});
// Quadratic within `delta` of the target, linear beyond.
Tensor huber_loss(Operand prediction, Operand target, double delta = 1, const LossOptions& options = {});
// Of elements, targets of 1 and -1: max(0, 1 - target * score).
Tensor hinge_loss(Operand score, Operand target, const LossOptions& options = {});
// Of elements: half of log(variance) + (target - mean)^2 / variance; a variance below `least` counts as that,
// and its gradient goes through all the same (PyTorch's gaussian_nll_loss, without the constant).
Tensor gaussian_nll(Operand mean, Operand target, Operand variance, double least = 1e-6,
                    const LossOptions& options = {});

// Of positions: sum over the last axis of target * (log target - log_probabilities), both of one shape; a
// target of 0 adds nothing.
Tensor kl_divergence(Operand log_probabilities, Operand targets, const LossOptions& options = {});

// x . y / (|x| |y|) along an axis, each length at least 1e-8.
Tensor cosine_similarity(Operand x, Operand y, int64_t axis = -1);
// Of pairs x, y [...,n] with targets [...] of 1 (alike) and -1: 1 - similarity, and max(0, similarity -
// margin).
Tensor cosine_loss(Operand x, Operand y, Operand targets, double margin = 0, const LossOptions& options = {});
// Of triples [...,n]: max(0, |anchor - positive| - |anchor - negative| + margin), distances of x - y + 1e-6
// (PyTorch's triplet_margin_loss).
Tensor triplet_loss(Operand anchor, Operand positive, Operand negative, double margin = 1,
                    const LossOptions& options = {});
// Of rows x [n,width] and y [n,width], where x[i] belongs to y[i]: the cross entropy of the right one among
// all y, by cosine_similarity / temperature (van den Oord et al., "Representation learning with contrastive
// predictive coding", 2018). Add that of (y, x) for both ways.
Tensor info_nce(Operand x, Operand y, double temperature = 0.07, const LossOptions& options = {});

struct CtcOptions {
  int64_t blank = 0;                      // the class that stands for nothing
  Reduction reduction = Reduction::mean;  // each divided by the length of its target, at least 1, before
  bool zero_infinity = false;             // what cannot be aligned counts as 0
};
// Of sequences how improbable their targets are, by any way to align them (Graves et al., "Connectionist
// temporal classification", 2006). log_probabilities [t,n,classes] as of log_softmax, integer targets [n,s],
// lengths [n] of both; what lies beyond these does not count. A sequence too short for its target has an
// infinite loss, whose gradient is 0.
Tensor ctc_loss(Operand log_probabilities, Operand targets, Operand input_lengths, Operand target_lengths,
                const CtcOptions& options = {});

// The share of positions whose largest logit is at the label, f32; positions with `ignore_index` do not
// count.
Tensor accuracy(Operand logits, Operand labels, std::optional<int64_t> ignore_index = std::nullopt);

}  // namespace sinter
