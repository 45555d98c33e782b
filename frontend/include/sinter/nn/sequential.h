#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace SINTER_EXPORT sinter {
namespace nn {

// Layers and functions one after another, called "0", "1", ...:
//   nn::Sequential net{*this, "net"};
//   net.add<nn::Linear>(4, 8).add(relu).add<nn::Conv2d>(nn::Conv2dOptions{.channels = 8, .filters = 2});
class Sequential : public Module {
 public:
  using Step = std::function<Tensor(Tensor x)>;

  Sequential(Module& owner, Name name) : Module(owner, name), where_(name.where()) {}

  // Appends T(*this, name, args...).
  template <std::derived_from<Module> T, typename... Args>
  Sequential& add(const Args&... args) {
    auto layer = std::make_shared<T>(*this, Name(std::to_string(steps_.size()), where_), args...);
    steps_.push_back([layer](const Tensor& x) { return (*layer)(x); });
    return *this;
  }
  Sequential& add(Step step);
  // A function of one operand, such as relu.
  Sequential& add(Tensor (*function)(Operand x));

  int64_t size() const { return static_cast<int64_t>(steps_.size()); }
  Tensor operator()(Operand x) const;

 private:
  std::vector<Step> steps_;
  std::source_location where_;
};

}  // namespace nn
}  // namespace sinter
