#pragma once

#include <sinter/nn/module.h>

#include <functional>
#include <optional>

// Layers with parameters. b stands for any leading axes.
namespace sinter::nn {

struct LinearOptions {
  bool bias = true;
  int64_t fan_in = 0;  // of the initialisation; 0: in
};
// x [b,in] gives x W + bias [b,out]. weight [in,out] and bias [out] begin uniform in +-1/sqrt(fan_in), as in
// PyTorch (whose weight is transposed).
class Linear : public Module {
 public:
  Linear(Module& owner, Name name, int64_t in, int64_t out, LinearOptions options = {});
  Tensor operator()(Operand x) const;

  Parameter weight;
  std::optional<Parameter> bias;
};

struct EmbeddingOptions {
  double deviation = 1;  // the table begins as N(0, deviation)
};
// Integer ids [b] give rows of a table: [b,width]. An id outside 0 .. count-1 fails the call.
class Embedding : public Module {
 public:
  Embedding(Module& owner, Name name, int64_t count, int64_t width, EmbeddingOptions options = {});
  Tensor operator()(Operand ids) const;

  Parameter weight;  // [count,width]
};

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

// In a training function zeros elements with probability `rate` and divides the others by 1 - rate.
class Dropout : public Module {
 public:
  Dropout(Module& owner, Name name, double rate);
  Tensor operator()(Operand x) const;

 private:
  double rate_;
};

struct FeedForwardOptions {
  int64_t width;
  int64_t hidden;
  std::function<Tensor(Tensor)> activation = nullptr;  // relu when left out
  bool bias = true;
  double dropout = 0;  // of the activations
};
// [b,width] → hidden → activation → [b,width]
class FeedForward : public Module {
 public:
  FeedForward(Module& owner, Name name, FeedForwardOptions options);
  Tensor operator()(Operand x) const;

  Linear expand;
  Linear contract;

 private:
  std::function<Tensor(Tensor)> activation_;
  double dropout_;
};

struct Conv2dOptions {
  int64_t channels;  // of the input
  int64_t filters;   // of the output
  int64_t size = 3;  // of the square kernel
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t groups = 1;
  bool bias = true;
};
// x [n,channels,h,w] gives [n,filters,h',w']. weight [filters,channels/groups,size,size] and bias begin
// uniform in +-1/sqrt(channels/groups * size * size), as in PyTorch.
class Conv2d : public Module {
 public:
  Conv2d(Module& owner, Name name, Conv2dOptions options);
  Tensor operator()(Operand x) const;

  Parameter weight;
  std::optional<Parameter> bias;

 private:
  Conv2dOptions options_;
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

// A gated recurrent unit over x [n,t,in]: all its states [n,t,width], the first state being `initial`
// [n,width] or zeros. PyTorch's equations and initialisation.
class GRU : public Module {
 public:
  GRU(Module& owner, Name name, int64_t in, int64_t width);
  Tensor operator()(Operand x, const Tensor& initial = {}) const;

  Linear input;   // in → 3 width: reset, update, new
  Linear hidden;  // width → 3 width

 private:
  int64_t width_;
};

// A long short-term memory over x [n,t,in]: all its outputs [n,t,width], from zeros. PyTorch's equations and
// initialisation.
class LSTM : public Module {
 public:
  LSTM(Module& owner, Name name, int64_t in, int64_t width);
  Tensor operator()(Operand x) const;

  Linear input;   // in → 4 width: input, forget, cell, output
  Linear hidden;  // width → 4 width

 private:
  int64_t width_;
};

}  // namespace sinter::nn
