#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/functional.h>
#include <sinter/losses.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>

#include "frontend/emit.h"

namespace sinter {
namespace {

// Losses compare element with element: what broadcasts is a mistake here.
void check_alike(std::string_view what, const Operand& a, const Operand& b) {
  const Tensor x = a.tensor(), y = b.tensor();
  if (x.shape() == y.shape() && x.dtype() == y.dtype()) return;
  Trace::current(what, a.where())
      .fail(what, fmt::format("prediction {} and target {} differ", x.type(), y.type()), a.where());
}

}  // namespace

Tensor cross_entropy(Operand logits, Operand labels, const CrossEntropyOptions& options) {
  std::vector<Operand> operands{logits, labels};
  if (options.weights.defined()) operands.emplace_back(options.weights, logits.where());
  graph::Attributes attributes;
  if (options.ignore_index) attributes.set("ignore_index", *options.ignore_index);
  return build("cross_entropy", operands, [&](Builder& b, const Values& v) {
    return b.emit(OpCode::cross_entropy, v, attributes).result();
  });
}

// -t log s(x) - (1 - t) log(1 - s(x)) = softplus(x) - t x
Tensor binary_cross_entropy(Operand logits, Operand targets) {
  check_alike("binary_cross_entropy", logits, targets);
  const Pin pin(logits.where());
  return mean(softplus(logits) - targets * logits);
}

Tensor mean_squared_error(Operand prediction, Operand target) {
  check_alike("mean_squared_error", prediction, target);
  const Pin pin(prediction.where());
  return mean(square(prediction - target));
}

Tensor mean_absolute_error(Operand prediction, Operand target) {
  check_alike("mean_absolute_error", prediction, target);
  const Pin pin(prediction.where());
  return mean(abs(prediction - target));
}

Tensor huber_loss(Operand prediction, Operand target, double delta) {
  check_alike("huber_loss", prediction, target);
  const Pin pin(prediction.where());
  const Tensor distance = abs(prediction - target);
  return mean(where(distance <= delta, square(distance) * 0.5, (distance - delta / 2) * delta));
}

Tensor accuracy(Operand logits, Operand labels, std::optional<int64_t> ignore_index) {
  const Pin pin(logits.where());
  const Tensor scores = logits.tensor(), truth = labels.tensor();
  const Tensor right = cast(argmax(scores, -1), truth.dtype()) == truth;
  if (!ignore_index) return mean(cast(right, f32));
  const Tensor counts = truth != *ignore_index;
  const Tensor total = maximum(sum(cast(counts, f32)), 1.0);
  return sum(cast(right & counts, f32)) / total;
}

}  // namespace sinter
