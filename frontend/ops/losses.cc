#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/losses.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>

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

}  // namespace

Tensor cross_entropy(Operand logits, Operand labels, const CrossEntropyOptions& options) {
  std::vector<Operand> operands{logits, labels};
  if (options.weights.defined()) operands.emplace_back(options.weights, logits.where());
  graph::Attributes attributes;
  if (options.ignore_index) {
    const int64_t ignored = *options.ignore_index;
    const bool holds = labels.tensor().dtype() != i32 || static_cast<int32_t>(ignored) == ignored;
    ranges_at("cross_entropy", logits.where())
        .require(holds, "ignore_index", "an i32, as the labels", ignored);
    attributes.set("ignore_index", ignored);
  }
  return build("cross_entropy", operands, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::cross_entropy, v, attributes).result();
  });
}

Tensor binary_cross_entropy(Operand logits, Operand targets) {
  const Pin pin("binary_cross_entropy", logits.where());
  check_alike(pin, logits.tensor(), targets.tensor());
  return mean(build("binary_cross_entropy", {logits, targets}, [](Builder& b, const Values& v) {
    return b.emit(OpCode::binary_cross_entropy, v).result();
  }));
}

Tensor mean_squared_error(Operand prediction, Operand target) {
  const Pin pin("mean_squared_error", prediction.where());
  check_alike(pin, prediction.tensor(), target.tensor());
  return mean(square(prediction - target));
}

Tensor mean_absolute_error(Operand prediction, Operand target) {
  const Pin pin("mean_absolute_error", prediction.where());
  check_alike(pin, prediction.tensor(), target.tensor());
  return mean(abs(prediction - target));
}

Tensor huber_loss(Operand prediction, Operand target, double delta) {
  const Pin pin("huber_loss", prediction.where());
  ranges_at("huber_loss", prediction.where()).positive("delta", delta);
  check_alike(pin, prediction.tensor(), target.tensor());
  const Tensor distance = abs(prediction - target);
  return mean(where(distance <= delta, square(distance) * 0.5, (distance - delta / 2) * delta));
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
