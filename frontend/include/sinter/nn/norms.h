#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>

#include <optional>

namespace SINTER_EXPORT sinter {
namespace nn {

struct NormOptions {
  double epsilon = 1e-5;
  bool bias = true;  // LayerNorm only
};
// Over the last axis: (x - mean) / sqrt(variance + epsilon) * scale + bias.
class LayerNorm : public Module {
 public:
  LayerNorm(Module& owner, Name name, int64_t width, NormOptions options = {});
  Tensor operator()(Operand x) const;

  Parameter scale;  // [width], begins as 1
  std::optional<Parameter> bias;

 private:
  double epsilon_;
};

// Over the last axis: x / sqrt(mean of squares + epsilon) * scale.
class RMSNorm : public Module {
 public:
  RMSNorm(Module& owner, Name name, int64_t width, NormOptions options = {});
  Tensor operator()(Operand x) const;

  Parameter scale;

 private:
  double epsilon_;
};

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;  // how much of a new batch enters the running statistics
};
// x [n,channels,...] normalised for each channel: by the batch's statistics in a training function, which
// also updates the running ones (variance unbiased, as in PyTorch); by the running ones elsewhere.
class BatchNorm : public Module {
 public:
  BatchNorm(Module& owner, Name name, int64_t channels, BatchNormOptions options = {});
  Tensor operator()(Operand x);

  Parameter scale;
  Parameter bias;
  Buffer running_mean;
  Buffer running_variance;

 private:
  BatchNormOptions options_;
};

struct GroupNormOptions {
  double epsilon = 1e-5;
  bool affine = true;  // scale and bias for each channel
};
// x [n,channels,...] normalised over each group of channels of each n (Wu and He 2018).
class GroupNorm : public Module {
 public:
  // `groups` divides channels.
  GroupNorm(Module& owner, Name name, int64_t groups, int64_t channels, GroupNormOptions options = {});
  Tensor operator()(Operand x) const;

  std::optional<Parameter> scale, bias;  // [channels]

 private:
  int64_t groups_, channels_;
  double epsilon_;
};

struct InstanceNormOptions {
  double epsilon = 1e-5;
  bool affine = false;
};
// x [n,channels,...] normalised over each channel of each n, without running statistics.
class InstanceNorm : public Module {
 public:
  InstanceNorm(Module& owner, Name name, int64_t channels, InstanceNormOptions options = {});
  Tensor operator()(Operand x) const;

  GroupNorm norm;  // a channel a group
};

}  // namespace nn
}  // namespace sinter
