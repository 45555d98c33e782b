#include <memory>

#include "bench/workloads/flops.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {
namespace {

constexpr int64_t kWords = 10;
constexpr int64_t kWidth = 64;
constexpr int64_t kHidden = 128;
constexpr int64_t kClasses = 5;

struct Classifier : nn::Module {
  nn::MultiHeadAttention attention{*this, "attention", {.width = kWidth}};
  nn::FeedForward feed_forward{*this, "feed_forward", {.width = kWidth, .hidden = kHidden}};
  nn::Linear classes{*this, "classes", kWidth, kClasses};

  Tensor operator()(const Tensor& x) {
    const Tensor context = x + attention(x);
    return classes(context + feed_forward(context));
  }
};

struct Training {
  Classifier model;
  AdamW optimizer{{.learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1}};
};

double linear_flops_of(double words) {
  return linear_flops(words, kWidth, 4 * kWidth) + 2 * linear_flops(words, kWidth, kHidden) +
         linear_flops(words, kWidth, kClasses);
}

}  // namespace

Workload flagship(const FlagshipSizes& sizes) {
  const int64_t batch = sizes.batch;
  auto training = std::make_shared<Training>();
  return {
      .inputs = {{"x", f32, {batch, kWords, kWidth}}, {"labels", i32, {batch, kWords}}},
      .body = [training](const Inputs& in) -> Outputs {
        const Tensor loss = cross_entropy(training->model(in["x"]), in["labels"]);
        return {{"loss", training->optimizer.minimize(loss).loss}};
      },
      .options = {.training = true},
      .flops = kTraining* linear_flops_of(static_cast<double>(batch * kWords)) +
               kTrainingAttention* attention_flops(static_cast<double>(batch), 1, kWords, kWidth, false),
      .classes = kClasses,
  };
}

Workload infer1() {
  auto model = std::make_shared<Classifier>();
  return {
      .inputs = {{"x", f32, {1, kWords, kWidth}}},
      .body = [model](const Inputs& in) -> Outputs {
        return {{"scores", (*model)(in["x"])}};
      },
      .flops = linear_flops_of(kWords) + attention_flops(1, 1, kWords, kWidth, false),
  };
}

}  // namespace sinter::bench
