#include <sinter/nn/pooling.h>
#include <sinter/nn/windows.h>

#include "frontend/trace/trace.h"

namespace sinter::nn {
namespace {

// One for each of the spatial axes of x, where one was given for all.
std::vector<int64_t> for_axes(const Sizes& given, const Tensor& x) {
  const auto axes = static_cast<size_t>(std::max<int64_t>(x.rank() - 2, 0));
  return given.all().size() == 1 ? std::vector<int64_t>(axes, given.all()[0]) : given.all();
}

std::vector<int64_t> stride_of(const std::optional<Sizes>& given) {
  return given ? given->all() : std::vector<int64_t>();
}

}  // namespace

Pool::Pool(std::string_view kind, Module& owner, Name name, Apply apply)
    : Module(owner, std::move(name)), kind_(kind), apply_(std::move(apply)) {}

Tensor Pool::operator()(Operand x) const {
  const Call call(kind_, *this, x.where());
  return apply_(x.tensor());
}

MaxPool::MaxPool(Module& owner, Name name, const MaxPoolOptions& options)
    : Pool("MaxPool", owner, std::move(name), [options](const Tensor& x) {
        return max_pool(x, options.size,
                        {.stride = stride_of(options.stride),
                         .padding = options.padding,
                         .dilation = options.dilation,
                         .ceil_mode = options.ceil_mode});
      }) {}

AveragePool::AveragePool(Module& owner, Name name, const AveragePoolLayerOptions& options)
    : Pool("AveragePool", owner, std::move(name), [options](const Tensor& x) {
        return average_pool(x, options.size,
                            {.stride = stride_of(options.stride),
                             .padding = options.padding,
                             .ceil_mode = options.ceil_mode,
                             .count_padding = options.count_padding});
      }) {}

AdaptiveMaxPool::AdaptiveMaxPool(Module& owner, Name name, Sizes extents)
    : Pool("AdaptiveMaxPool", owner, std::move(name),
           [extents](const Tensor& x) { return adaptive_max_pool(x, for_axes(extents, x)); }) {}

AdaptiveAveragePool::AdaptiveAveragePool(Module& owner, Name name, Sizes extents)
    : Pool("AdaptiveAveragePool", owner, std::move(name),
           [extents](const Tensor& x) { return adaptive_average_pool(x, for_axes(extents, x)); }) {}

GlobalMaxPool::GlobalMaxPool(Module& owner, Name name)
    : Pool("GlobalMaxPool", owner, std::move(name), [](const Tensor& x) { return global_max_pool(x); }) {}

GlobalAveragePool::GlobalAveragePool(Module& owner, Name name)
    : Pool("GlobalAveragePool", owner, std::move(name),
           [](const Tensor& x) { return global_average_pool(x); }) {}

}  // namespace sinter::nn
