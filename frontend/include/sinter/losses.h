#pragma once

#include <sinter/tensor.h>

#include <optional>

// Losses: scalars, means over what counts.
namespace sinter {

struct CrossEntropyOptions {
  std::optional<int64_t> ignore_index;  // positions with this label do not count
  Tensor weights = {};                  // [classes]: how much each class counts
};
// logits [...,classes], labels integer [...]: the (weighted) mean of -log softmax(logits)[label]; 0 where no
// position counts. A label outside the classes fails the call.
Tensor cross_entropy(Operand logits, Operand labels, const CrossEntropyOptions& options = {});
// logits and targets (in [0,1]) of one shape.
Tensor binary_cross_entropy(Operand logits, Operand targets);
Tensor mean_squared_error(Operand prediction, Operand target);
Tensor mean_absolute_error(Operand prediction, Operand target);
// Quadratic within `delta` of the target, linear beyond.
Tensor huber_loss(Operand prediction, Operand target, double delta = 1);

// The share of positions whose largest logit is at the label, f32; positions with `ignore_index` do not
// count.
Tensor accuracy(Operand logits, Operand labels, std::optional<int64_t> ignore_index = std::nullopt);

}  // namespace sinter
