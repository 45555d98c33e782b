#pragma once

#include <sinter/sinter.h>

#include <string>
#include <utility>
#include <vector>

namespace sinter::bench {

// y and d sum(y * dy) / d value for each (name, value), as outputs "y" and "d_<name>". A dense dy, an input,
// keeps the algebra of ones from making the backward pass cheaper than it is in a model.
inline Outputs with_gradients(const Tensor& y, const Tensor& dy,
                              const std::vector<std::pair<std::string, Tensor>>& wrt) {
  std::vector<Tensor> values;
  for (const auto& [name, value] : wrt) values.push_back(value);
  const std::vector<Tensor> gradients = grad(sum(y * dy), values);
  Outputs outputs{{"y", y}};
  for (size_t i = 0; i < wrt.size(); ++i) outputs.emplace_back("d_" + wrt[i].first, gradients[i]);
  return outputs;
}

}  // namespace sinter::bench
