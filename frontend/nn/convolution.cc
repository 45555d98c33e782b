#include <fmt/format.h>
#include <sinter/nn/convolution.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {
namespace {

using Numbers = std::vector<int64_t>;

void check_each(const Ranges& ranges, std::string_view option, const Numbers& given, size_t axes,
                int64_t least) {
  ranges.require(given.size() == 1 || given.size() == axes, option,
                 axes == 1 ? "one number" : fmt::format("one number or {}", axes), given.size());
  for (const int64_t number : given) ranges.at_least(least, option, number);
}

void check_padding(const Ranges& ranges, const Padding& padding, size_t axes) {
  for (const Numbers* side : {&padding.low(), &padding.high()}) {
    if (!side->empty()) check_each(ranges, "padding", *side, axes, 0);
  }
}

template <typename Options>
void check_layer(const Ranges& ranges, const Options& options, size_t axes) {
  ranges.at_least(1, "channels", options.channels);
  ranges.at_least(1, "filters", options.filters);
  check_each(ranges, "size", options.size, axes, 1);
  check_each(ranges, "stride", options.stride, axes, 1);
  check_each(ranges, "dilation", options.dilation, axes, 1);
  check_padding(ranges, options.padding, axes);
  const bool divides =
      options.groups >= 1 && options.channels % options.groups == 0 && options.filters % options.groups == 0;
  ranges.require(divides, "groups", "a divisor of channels and filters", options.groups);
  if constexpr (requires { options.output_padding; }) {
    check_each(ranges, "output_padding", options.output_padding, axes, 0);
  }
}

// [out,in,size...], the size that of each axis.
Shape kernel_shape(int64_t out, int64_t in, const Numbers& size, size_t axes) {
  Shape shape{out, in};
  for (size_t i = 0; i < axes; ++i) shape.push_back(size.size() == 1 ? size[0] : size[i]);
  return shape;
}

// Of a kernel [out,in,size...], as PyTorch counts its fans.
Initializer kernel_begun(const std::optional<Initializer>& given, const Shape& kernel) {
  const int64_t places = element_count(kernel) / (kernel[0] * kernel[1]);
  return begun(given, kernel[1] * places, kernel[0] * places, kernel[1] * places);
}

Shape kernel_of(const ConvolutionLayerOptions& options, size_t axes) {
  return kernel_shape(options.filters, options.channels / options.groups, options.size, axes);
}
Shape kernel_of(const TransposedConvolutionLayerOptions& options, size_t axes) {
  return kernel_shape(options.channels, options.filters / options.groups, options.size, axes);
}

// [n,channels,h,w], [n,channels,d,h,w], [n,channels,l]
void check_image(const Pin& call, const Tensor& x, DType type, int64_t channels, size_t axes) {
  if (axes == 1) check_takes(call, "x", x, type, {"n", channels, "l"});
  if (axes == 2) check_takes(call, "x", x, type, {"n", channels, "h", "w"});
  if (axes == 3) check_takes(call, "x", x, type, {"n", channels, "d", "h", "w"});
}

}  // namespace

template <typename Options>
KernelLayer::KernelLayer(std::string_view kind, size_t axes, Module& owner, Name name, const Options& options)
    : Module(owner,
             checked(kind, owner, name, [&](const Ranges& ranges) { check_layer(ranges, options, axes); })),
      weight(*this, "weight", kernel_of(options, axes),
             kernel_begun(options.weight_initializer, kernel_of(options, axes))),
      kind_(kind) {
  if (options.bias) {
    bias.emplace(*this, "bias", Shape{options.filters},
                 kernel_begun(options.bias_initializer, weight.shape()));
  }
}

ConvolutionLayer::ConvolutionLayer(std::string_view kind, size_t axes, Module& owner, Name name,
                                   ConvolutionLayerOptions options)
    : KernelLayer(kind, axes, owner, std::move(name), options), options_(std::move(options)) {}

Tensor ConvolutionLayer::operator()(Operand x) const {
  const Call call(kind(), *this, x.where());
  check_image(call, x.tensor(), weight.dtype(), options_.channels, weight.shape().size() - 2);
  return convolution(x, weight,
                     {.stride = options_.stride,
                      .padding = options_.padding,
                      .dilation = options_.dilation,
                      .groups = options_.groups,
                      .bias = read(bias, x)});
}

Conv1d::Conv1d(Module& owner, Name name, Conv1dOptions options)
    : ConvolutionLayer("Conv1d", 1, owner, std::move(name), std::move(options)) {}
Conv2d::Conv2d(Module& owner, Name name, Conv2dOptions options)
    : ConvolutionLayer("Conv2d", 2, owner, std::move(name), std::move(options)) {}
Conv3d::Conv3d(Module& owner, Name name, Conv3dOptions options)
    : ConvolutionLayer("Conv3d", 3, owner, std::move(name), std::move(options)) {}

TransposedConvolutionLayer::TransposedConvolutionLayer(std::string_view kind, size_t axes, Module& owner,
                                                       Name name, TransposedConvolutionLayerOptions options)
    : KernelLayer(kind, axes, owner, std::move(name), options), options_(std::move(options)) {}

Tensor TransposedConvolutionLayer::operator()(Operand x) const {
  const Call call(kind(), *this, x.where());
  check_image(call, x.tensor(), weight.dtype(), options_.channels, weight.shape().size() - 2);
  return transposed_convolution(x, weight,
                                {.stride = options_.stride,
                                 .padding = options_.padding,
                                 .output_padding = options_.output_padding,
                                 .dilation = options_.dilation,
                                 .groups = options_.groups,
                                 .bias = read(bias, x)});
}

ConvTranspose1d::ConvTranspose1d(Module& owner, Name name, ConvTranspose1dOptions options)
    : TransposedConvolutionLayer("ConvTranspose1d", 1, owner, std::move(name), std::move(options)) {}
ConvTranspose2d::ConvTranspose2d(Module& owner, Name name, ConvTranspose2dOptions options)
    : TransposedConvolutionLayer("ConvTranspose2d", 2, owner, std::move(name), std::move(options)) {}
ConvTranspose3d::ConvTranspose3d(Module& owner, Name name, ConvTranspose3dOptions options)
    : TransposedConvolutionLayer("ConvTranspose3d", 3, owner, std::move(name), std::move(options)) {}

}  // namespace sinter::nn
