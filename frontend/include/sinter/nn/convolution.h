#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>
#include <sinter/nn/windows.h>

#include <concepts>
#include <initializer_list>
#include <optional>
#include <vector>

namespace SINTER_EXPORT sinter {
namespace nn {

// A number for each spatial axis, or one for all of them: 3, {3, 5}.
class Sizes {
 public:
  template <std::integral T>
  Sizes(T all) : all_{static_cast<int64_t>(all)} {}
  Sizes(std::initializer_list<int64_t> each) : all_(each) {}
  Sizes(std::vector<int64_t> each) : all_(std::move(each)) {}
  operator const std::vector<int64_t>&() const { return all_; }

  const std::vector<int64_t>& all() const { return all_; }

 private:
  std::vector<int64_t> all_;
};

// What slides a kernel over x, with a bias for each filter.
class KernelLayer : public Module {
 public:
  Parameter weight;  // [filters,channels/groups,size...]; of a transpose [channels,filters/groups,size...]
  std::optional<Parameter> bias;  // [filters]

 protected:
  // Of one of the options below, which it checks; `axes` are spatial ones.
  template <typename Options>
  KernelLayer(std::string_view kind, size_t axes, Module& owner, Name name, const Options& options);

  std::string_view kind() const { return kind_; }

 private:
  std::string_view kind_;
};

struct ConvolutionLayerOptions {
  int64_t channels;  // of the input
  int64_t filters;   // of the output
  Sizes size = 3;    // of the kernel
  Sizes stride = 1;
  Padding padding = {};  // zeros: 1, {1, 2}, Padding::sides({0}, {1}), Padding::same()
  Sizes dilation = 1;
  int64_t groups = 1;  // divides channels and filters
  bool bias = true;
  // Left out: uniform in +-1/sqrt(channels / groups * elements of the kernel), as in PyTorch.
  std::optional<Initializer> weight_initializer = {}, bias_initializer = {};
};
using Conv1dOptions = ConvolutionLayerOptions;
using Conv2dOptions = ConvolutionLayerOptions;
using Conv3dOptions = ConvolutionLayerOptions;

// x [n,channels,spatial...] gives [n,filters,spatial...] (nn/windows.h).
class ConvolutionLayer : public KernelLayer {
 public:
  Tensor operator()(Operand x) const;

 protected:
  ConvolutionLayer(std::string_view kind, size_t axes, Module& owner, Name name,
                   ConvolutionLayerOptions options);

 private:
  ConvolutionLayerOptions options_;
};

struct Conv1d : ConvolutionLayer {
  Conv1d(Module& owner, Name name, Conv1dOptions options);
};
struct Conv2d : ConvolutionLayer {
  Conv2d(Module& owner, Name name, Conv2dOptions options);
};
struct Conv3d : ConvolutionLayer {
  Conv3d(Module& owner, Name name, Conv3dOptions options);
};

struct TransposedConvolutionLayerOptions {
  int64_t channels;
  int64_t filters;
  Sizes size = 3;
  Sizes stride = 1;
  Padding padding = {};
  Sizes output_padding = 0;
  Sizes dilation = 1;
  int64_t groups = 1;
  bool bias = true;
  // Left out: uniform in +-1/sqrt(filters / groups * elements of the kernel), as in PyTorch.
  std::optional<Initializer> weight_initializer = {}, bias_initializer = {};
};
using ConvTranspose1dOptions = TransposedConvolutionLayerOptions;
using ConvTranspose2dOptions = TransposedConvolutionLayerOptions;
using ConvTranspose3dOptions = TransposedConvolutionLayerOptions;

// The transpose of a convolution of `filters` channels (nn/windows.h): x [n,channels,spatial...] gives
// [n,filters,spatial...].
class TransposedConvolutionLayer : public KernelLayer {
 public:
  Tensor operator()(Operand x) const;

 protected:
  TransposedConvolutionLayer(std::string_view kind, size_t axes, Module& owner, Name name,
                             TransposedConvolutionLayerOptions options);

 private:
  TransposedConvolutionLayerOptions options_;
};

struct ConvTranspose1d : TransposedConvolutionLayer {
  ConvTranspose1d(Module& owner, Name name, ConvTranspose1dOptions options);
};
struct ConvTranspose2d : TransposedConvolutionLayer {
  ConvTranspose2d(Module& owner, Name name, ConvTranspose2dOptions options);
};
struct ConvTranspose3d : TransposedConvolutionLayer {
  ConvTranspose3d(Module& owner, Name name, ConvTranspose3dOptions options);
};

}  // namespace nn
}  // namespace sinter
