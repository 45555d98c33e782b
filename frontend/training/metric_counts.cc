#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/indexing.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/training/metrics.h>
#include <sinter/views.h>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter {
namespace {

// f32 of the shape: how much each position counts.
Tensor counted(const Pin& call, const Tensor& weights, const Shape& shape) {
  if (!weights.defined()) return ones(shape);
  check_broadcasts(call, "tensor of weights", weights, f32, shape);
  return broadcast_to(weights, shape);
}

// The same of labels, which have to fit the logits.
Tensor counted(const Pin& call, const Tensor& logits, const Tensor& labels, const CountOptions& options) {
  check_floating(call, "logits", logits);
  check_integers(call, "labels", labels);
  if (logits.rank() == 0 || labels.shape() != Shape(logits.shape().begin(), logits.shape().end() - 1)) {
    call.fail(fmt::format("labels {} do not fit logits {}", labels.type(), logits.type()));
  }
  const Tensor weights = counted(call, options.weights, labels.shape());
  return options.ignore_index ? where(labels != *options.ignore_index, weights, 0) : weights;
}

Tensor flat(const Tensor& x) {
  return reshape(x, {element_count(x.shape())});
}

}  // namespace

Tensor mean_counts(Operand values, const Tensor& weights) {
  const Pin pin("mean_counts", values.where());
  const Tensor x = values.tensor();
  check_floating(pin, "values", x);
  const Tensor counts = counted(pin, weights, x.shape());
  // What does not count may be infinite.
  return stack({sum(where(counts == 0, 0, cast(x, f32) * counts)), sum(counts)}, 0);
}

Tensor accuracy_counts(Operand logits, Operand labels, const CountOptions& options) {
  const Pin pin("accuracy_counts", logits.where());
  const Tensor truth = labels.tensor();
  const Tensor counts = counted(pin, logits.tensor(), truth, options);
  const Tensor is_right = cast(argmax(logits, -1), truth.dtype()) == truth;
  return stack({sum(where(is_right, counts, 0)), sum(counts)}, 0);
}

Tensor confusion_counts(Operand logits, Operand labels, const CountOptions& options) {
  const Pin pin("confusion_counts", logits.where());
  const Tensor truth = labels.tensor();
  const Tensor counts = counted(pin, logits.tensor(), truth, options);
  const int64_t classes = logits.tensor().shape().back();
  const Tensor valid = options.ignore_index ? where(truth == *options.ignore_index, 0, truth) : truth;
  const Tensor is_label = one_hot(flat(check_index(valid, classes)), classes) * expand_dims(flat(counts), -1);
  return contract(is_label, one_hot(flat(argmax(logits, -1)), classes), "nl,np->lp");
}

Tensor ranking_counts(Operand scores, Operand targets, int64_t bins, const Tensor& weights) {
  const Pin pin("ranking_counts", scores.where());
  ranges_at("ranking_counts", scores.where()).at_least(2, "bins", bins);
  const Tensor x = scores.tensor(), truth = targets.tensor();
  if (x.dtype() != f32) pin.fail(fmt::format("takes scores f32[...], got {}", x.type()));
  check_integers(pin, "targets", truth);
  if (x.shape() != truth.shape())
    pin.fail(fmt::format("targets {} do not fit scores {}", truth.type(), x.type()));
  const Tensor bin = cast(clamp(floor(x * static_cast<double>(bins)), 0, static_cast<double>(bins - 1)), i32);
  const Tensor place = cast(check_index(truth, 2), i32) * bins + bin;
  const Tensor counts = counted(pin, weights, x.shape());
  return reshape(scatter_add(zeros({2 * bins}), flat(place), flat(counts)), {2, bins});
}

}  // namespace sinter
