#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/losses.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter {
namespace {

// Losses compare element with element: what broadcasts is a mistake here.
void check_alike(const Pin& call, const Tensor& x, const Tensor& y) {
  check_floating(call, "prediction", x);
  check_floating(call, "target", y);
  if (x.shape() == y.shape() && x.dtype() == y.dtype()) return;
  call.fail(fmt::format("prediction {} and target {} differ", x.type(), y.type()));
}

// What the reduction makes of losses that are weighted already; `counts`, of their shape, says by how much
// each was, undefined: by 1.
Tensor folded(const Tensor& losses, const Tensor& counts, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  if (reduction == Reduction::sum) return sum(losses);
  if (!counts.defined()) return mean(losses);
  const Tensor total = sum(counts);
  return sum(losses) / where(total == 0, 1, total);
}

Tensor reduced(const Pin& call, const Tensor& losses, const LossOptions& options) {
  if (!options.weights.defined()) return folded(losses, {}, options.reduction);
  check_broadcasts(call, "tensor of weights", options.weights, losses.dtype(), losses.shape());
  return folded(losses * options.weights, broadcast_to(options.weights, losses.shape()), options.reduction);
}

// Along an axis, of length 1; shorter than 1e-8 it stays short.
Tensor unit(const Operand& x, int64_t axis) {
  return x / maximum(norm(x, axis, keepdims), 1e-8);
}

Tensor surprise_of(Operand logits, Operand targets) {
  return build("binary_cross_entropy", {logits, targets},
               [](Builder& b, const Values& v) { return b.emit(OpCode::binary_cross_entropy, v).result(); });
}

// The cross entropy of each position, and how much it counts, beyond what the composite has.
Tensor cross_entropy_of_positions(const Tensor& logits, const Operand& labels,
                                  const CrossEntropyOptions& options) {
  const int64_t classes = logits.shape().back();
  const Tensor valid = build("cross_entropy", {labels}, [&](Builder& b, const Values& v) {
    return b.check_index(v[0], classes, options.ignore_index);
  });
  const Tensor hit = expand_dims(valid, -1) == iota(logits.shape(), -1, valid.dtype());
  Tensor surprise = -log_softmax(logits);
  Tensor counts;
  if (options.weights.defined()) {
    counts = sum(where(hit, options.weights, 0), -1);
    surprise = surprise * options.weights;
  }
  Tensor losses = sum(where(hit, surprise, 0), -1);
  if (options.label_smoothing != 0) {
    losses = losses * (1 - options.label_smoothing) +
             sum(surprise, -1) * (options.label_smoothing / static_cast<double>(classes));
  }
  if (options.ignore_index) {
    const Tensor is_valid = valid != *options.ignore_index;
    losses = where(is_valid, losses, 0);
    counts = counts.defined() ? where(is_valid, counts, 0) : cast(is_valid, logits.dtype());
  }
  if (options.position_weights.defined()) {
    losses = losses * options.position_weights;
    counts = counts.defined() ? counts * options.position_weights
                              : broadcast_to(options.position_weights, losses.shape());
  }
  return folded(losses, counts, options.reduction);
}

}  // namespace

Tensor cross_entropy(Operand logits, Operand labels, const CrossEntropyOptions& options) {
  const Ranges ranges = ranges_at("cross_entropy", logits.where());
  ranges.fraction("label_smoothing", options.label_smoothing);
  std::vector<Operand> operands{logits, labels};
  if (options.weights.defined()) operands.emplace_back(options.weights, logits.where());
  graph::Attributes attributes;
  if (options.ignore_index) {
    const int64_t ignored = *options.ignore_index;
    const bool holds = labels.tensor().dtype() != i32 || static_cast<int32_t>(ignored) == ignored;
    ranges.require(holds, "ignore_index", "an i32, as the labels", ignored);
    attributes.set("ignore_index", ignored);
  }
  // Built in any case, for what it requires of its operands; where it is not used it is dropped.
  const Tensor loss = build("cross_entropy", operands, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::cross_entropy, v, attributes).result();
  });
  if (options.label_smoothing == 0 && options.reduction == Reduction::mean &&
      !options.position_weights.defined()) {
    return loss;
  }
  const Pin pin("cross_entropy", logits.where());
  if (options.position_weights.defined()) {
    check_broadcasts(pin, "tensor of position weights", options.position_weights, loss.dtype(),
                     labels.tensor().shape());
  }
  return cross_entropy_of_positions(logits.tensor(), labels, options);
}

Tensor binary_cross_entropy(Operand logits, Operand targets, const LossOptions& options) {
  const Pin pin("binary_cross_entropy", logits.where());
  check_alike(pin, logits.tensor(), targets.tensor());
  return reduced(pin, surprise_of(logits, targets), options);
}

Tensor focal_loss(Operand logits, Operand targets, const FocalOptions& options) {
  const Pin pin("focal_loss", logits.where());
  const Ranges ranges = ranges_at("focal_loss", logits.where());
  ranges.not_negative("gamma", options.gamma);
  if (options.alpha) ranges.fraction("alpha", *options.alpha);
  check_alike(pin, logits.tensor(), targets.tensor());
  const Tensor t = targets.tensor(), p = sigmoid(logits);
  Tensor losses = surprise_of(logits, targets);
  if (options.gamma != 0) losses = losses * pow(p + t - p * t * 2, options.gamma);
  if (options.alpha) losses = losses * (t * *options.alpha + (1 - t) * (1 - *options.alpha));
  return reduced(pin, losses, {.reduction = options.reduction, .weights = options.weights});
}

Tensor mean_squared_error(Operand prediction, Operand target, const LossOptions& options) {
  const Pin pin("mean_squared_error", prediction.where());
  check_alike(pin, prediction.tensor(), target.tensor());
  return reduced(pin, square(prediction - target), options);
}

Tensor mean_absolute_error(Operand prediction, Operand target, const LossOptions& options) {
  const Pin pin("mean_absolute_error", prediction.where());
  check_alike(pin, prediction.tensor(), target.tensor());
  return reduced(pin, abs(prediction - target), options);
}

Tensor huber_loss(Operand prediction, Operand target, double delta, const LossOptions& options) {
  const Pin pin("huber_loss", prediction.where());
  ranges_at("huber_loss", prediction.where()).positive("delta", delta);
  check_alike(pin, prediction.tensor(), target.tensor());
  const Tensor distance = abs(prediction - target);
  return reduced(pin, where(distance <= delta, square(distance) * 0.5, (distance - delta / 2) * delta),
                 options);
}

Tensor hinge_loss(Operand score, Operand target, const LossOptions& options) {
  const Pin pin("hinge_loss", score.where());
  check_alike(pin, score.tensor(), target.tensor());
  return reduced(pin, relu(1 - target * score), options);
}

Tensor gaussian_nll(Operand mean, Operand target, Operand variance, double least,
                    const LossOptions& options) {
  const Pin pin("gaussian_nll", mean.where());
  ranges_at("gaussian_nll", mean.where()).positive("least", least);
  check_alike(pin, mean.tensor(), target.tensor());
  check_alike(pin, mean.tensor(), variance.tensor());
  const Tensor v = variance.tensor();
  const Tensor bounded = v + stop_gradient(maximum(v, least) - v);
  return reduced(pin, (log(bounded) + square(target - mean) / bounded) * 0.5, options);
}

Tensor kl_divergence(Operand log_probabilities, Operand targets, const LossOptions& options) {
  const Pin pin("kl_divergence", log_probabilities.where());
  check_alike(pin, log_probabilities.tensor(), targets.tensor());
  if (targets.tensor().rank() == 0) pin.fail("takes probabilities along a last axis, got a scalar");
  const Tensor t = targets.tensor();
  const Tensor some = t > 0;
  const Tensor terms = t * (log(where(some, t, 1)) - log_probabilities);
  return reduced(pin, sum(where(some, terms, 0), -1), options);
}

Tensor cosine_similarity(Operand x, Operand y, int64_t axis) {
  const Pin pin("cosine_similarity", x.where());
  check_alike(pin, x.tensor(), y.tensor());
  return sum(unit(x, axis) * unit(y, axis), axis);
}

Tensor cosine_loss(Operand x, Operand y, Operand targets, double margin, const LossOptions& options) {
  const Pin pin("cosine_loss", x.where());
  ranges_at("cosine_loss", x.where()).finite("margin", margin);
  const Tensor similarity = cosine_similarity(x, y);
  check_alike(pin, similarity, targets.tensor());
  return reduced(pin, where(targets > 0, 1 - similarity, relu(similarity - margin)), options);
}

Tensor triplet_loss(Operand anchor, Operand positive, Operand negative, double margin,
                    const LossOptions& options) {
  const Pin pin("triplet_loss", anchor.where());
  ranges_at("triplet_loss", anchor.where()).finite("margin", margin);
  check_alike(pin, anchor.tensor(), positive.tensor());
  check_alike(pin, anchor.tensor(), negative.tensor());
  const auto distance = [&](const Operand& other) { return norm(anchor - other + 1e-6, -1); };
  return reduced(pin, relu(distance(positive) - distance(negative) + margin), options);
}

Tensor info_nce(Operand x, Operand y, double temperature, const LossOptions& options) {
  const Pin pin("info_nce", x.where());
  ranges_at("info_nce", x.where()).positive("temperature", temperature);
  check_takes(pin, "x", x.tensor(), x.tensor().dtype(), {"n", "width"});
  check_alike(pin, x.tensor(), y.tensor());
  const Tensor scores = contract(unit(x, -1), unit(y, -1), "iw,jw->ij") / temperature;
  return cross_entropy(scores, arange(x.tensor().shape()[0]),
                       {.reduction = options.reduction, .position_weights = options.weights});
}

Tensor accuracy(Operand logits, Operand labels, std::optional<int64_t> ignore_index) {
  const Pin pin("accuracy", logits.where());
  const Tensor scores = logits.tensor(), truth = labels.tensor();
  check_floating(pin, "logits", scores);
  check_integers(pin, "labels", truth);
  if (scores.rank() == 0 || truth.shape() != Shape(scores.shape().begin(), scores.shape().end() - 1)) {
    pin.fail(fmt::format("labels {} do not fit logits {}", truth.type(), scores.type()));
  }
  const Tensor right = cast(argmax(scores, -1), truth.dtype()) == truth;
  if (!ignore_index) return mean(cast(right, f32));
  const Tensor counts = truth != *ignore_index;
  const Tensor total = maximum(sum(cast(counts, f32)), 1.0);
  return sum(cast(right & counts, f32)) / total;
}

}  // namespace sinter
