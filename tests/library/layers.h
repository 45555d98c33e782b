#pragma once

#include <sinter/sinter.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sinter {

// A layer of make_layers.py.
struct LayerCase {
  std::string name;
  // Makes it, called `name`, in the root, and gives what applies it.
  std::function<std::function<Tensor(const Tensor& x)>(nn::Module& root, const std::string& name)> make;
  bool training = false;
  std::vector<std::string> buffers = {};
  float rounding = 4e-6f;  // of the largest, which is taken as 1 at least
};

// Holds values, gradients to x and to all parameters, and five steps of training against the figures, on all
// devices.
void expect_figures(const std::vector<LayerCase>& cases);

// A message without "(file:line, in scope)".
inline std::string without_place(const std::string& message) {
  return message.substr(0, message.rfind(" ("));
}

// What applies an L(root, name, arguments...).
template <typename L, typename... Args>
auto made_layer(Args... args) {
  return [args...](nn::Module& root, const std::string& name) -> std::function<Tensor(const Tensor& x)> {
    auto layer = std::make_shared<L>(root, name, args...);
    return [layer](const Tensor& x) { return (*layer)(x); };
  };
}

}  // namespace sinter
