#pragma once

#include <sinter/export.h>
#include <sinter/nn/convolution.h>

#include <functional>
#include <optional>

// The pools of nn/windows.h as layers, of any number of spatial axes.
namespace SINTER_EXPORT sinter {
namespace nn {

// A layer without parameters.
class Pool : public Module {
 public:
  Tensor operator()(Operand x) const;

 protected:
  using Apply = std::function<Tensor(const Tensor& x)>;
  Pool(std::string_view kind, Module& owner, Name name, Apply apply);

 private:
  std::string_view kind_;
  Apply apply_;
};

struct MaxPoolOptions {
  Sizes size;
  std::optional<Sizes> stride = {};  // size when left out
  Padding padding = {};
  Sizes dilation = 1;
  bool ceil_mode = false;
};
struct MaxPool : Pool {
  MaxPool(Module& owner, Name name, const MaxPoolOptions& options);
};

struct AveragePoolLayerOptions {
  Sizes size;
  std::optional<Sizes> stride = {};
  Padding padding = {};
  bool ceil_mode = false;
  bool count_padding = true;
};
struct AveragePool : Pool {
  AveragePool(Module& owner, Name name, const AveragePoolLayerOptions& options);
};

struct AdaptiveMaxPool : Pool {
  AdaptiveMaxPool(Module& owner, Name name, Sizes extents);
};
struct AdaptiveAveragePool : Pool {
  AdaptiveAveragePool(Module& owner, Name name, Sizes extents);
};

// [n,c,spatial...] gives [n,c,1...].
struct GlobalMaxPool : Pool {
  GlobalMaxPool(Module& owner, Name name);
};
struct GlobalAveragePool : Pool {
  GlobalAveragePool(Module& owner, Name name);
};

}  // namespace nn
}  // namespace sinter
