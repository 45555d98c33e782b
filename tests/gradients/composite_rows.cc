#include "tests/gradients/rows.h"

namespace sinter::test {

using Op = graph::OpCode;
using List = std::vector<int64_t>;
using graph::Shape;

std::vector<Case> composite_rows() {
  const Shape odd{3, 5};
  const Sample q = real({2, 4, 3, 5}), k = real({2, 2, 5, 5}), v = real({2, 2, 5, 3});
  return {
      {Op::softmax, {real({2, 3, 5})}, {{"axis", 1}}},
      {Op::softmax, {real({4, 1})}, {{"axis", 1}}},
      {Op::log_softmax, {real({2, 5})}, {{"axis", 1}}},
      {Op::cross_entropy, {real({2, 3, 5}), indices({2, 3}, {4, 0, 1, 1, 2, 3})}},
      {Op::cross_entropy,
       {real({7, 3}), indices({7}, {0, 1, -1, 2, -1, 0, 1}), real({3}, 0.5, 2)},
       {{"ignore_index", -1}}},
      {Op::layer_norm, {real(odd)}, {{"epsilon", 1e-5}}},
      {Op::layer_norm, {real({2, 3, 7}), real({7}), real({7})}, {{"epsilon", 1e-5}}},
      {Op::layer_norm, {real({3, 2}), real({2})}, {{"epsilon", 0.1}}},
      {Op::rms_norm, {real(odd)}, {{"epsilon", 1e-6}}},
      {Op::rms_norm, {real({2, 3, 7}), real({7})}, {{"epsilon", 1e-6}}},
      {Op::sigmoid, {real(odd)}},
      {Op::silu, {real(odd)}},
      {Op::gelu, {real(odd)}},
      {Op::gelu, {real(odd)}, {{"tanh", true}}},
      {Op::relu, {real(odd)}},
      {Op::leaky_relu, {real(odd)}, {{"slope", 0.1}}},
      {Op::elu, {real(odd)}, {{"alpha", 0.7}}},
      {Op::softplus, {real(odd)}},
      {Op::sinh, {real(odd)}},
      {Op::cosh, {real(odd)}},
      {Op::asin, {real(odd, -0.9, 0.9)}},
      {Op::acos, {real(odd, -0.9, 0.9)}},
      {Op::atan, {real(odd, -4, 4)}},
      {Op::asinh, {real(odd, -4, 4)}},
      {Op::acosh, {real(odd, 1.1, 4)}},
      {Op::atanh, {real(odd, -0.9, 0.9)}},
      {Op::binary_cross_entropy, {real(odd), real(odd, 0, 1)}},
      {Op::mean, {real({2, 3, 5})}, {{"axes", List{0, 2}}}},
      {Op::variance, {real({2, 3, 5})}, {{"axes", List{0, 2}}}},
      {Op::variance, {real({3, 1})}, {{"axes", List{1}}}},
      {Op::dropout, {real({5, 7})}, {{"rate", 0.4}, {"key", 17}}},
      {Op::dropout, {real(odd)}, {{"rate", 1.0}, {"key", 17}}},
      {Op::attention, {real({1, 1, 3, 2}), real({1, 1, 3, 2}), real({1, 1, 3, 2})}, {{"scale", 0.7}}},
      {Op::attention, {q, k, v}, {{"scale", 0.4}, {"causal", true}}},
      {Op::attention,
       {q, k, v, indices({2}, {3, 5}), real({4, 3, 5})},
       {{"scale", 0.4}, {"lengths", true}, {"bias", true}, {"softcap", 3.0}, {"rate", 0.3}, {"key", 5}}},
      {Op::attention,
       {q, k, v, flags({1, 1, 3, 5}, {1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1})},  // a row sees nothing
       {{"scale", 0.4}, {"mask", true}, {"window", 2}}},
      {Op::attention_weights, {q, k, real({4, 3, 5})}, {{"scale", 0.4}, {"causal", true}, {"bias", true}}},
      {Op::convolution,
       {real({2, 3, 7}), real({4, 3, 3}), real({4})},
       {{"stride", List{2}}, {"padding", List{1}}, {"dilation", List{1}}, {"groups", 1}}},
      {Op::convolution,
       {real({1, 4, 5, 6}), real({2, 2, 3, 2})},
       {{"stride", List{1, 2}}, {"padding", List{1, 0}}, {"dilation", List{1, 2}}, {"groups", 2}}},
      {Op::max_pool, {real({1, 2, 5, 6})}, {{"size", List{2, 3}}, {"stride", List{2, 1}}}},
      {Op::average_pool, {real({2, 1, 7})}, {{"dilation", List{2}}, {"size", List{3}}, {"stride", List{2}}}},
  };
}

const std::vector<Case>& rows() {
  static const std::vector<Case> all = [] {
    std::vector<Case> cases = primitive_rows();
    for (Case& c : composite_rows()) cases.push_back(std::move(c));
    return cases;
  }();
  return all;
}

}  // namespace sinter::test
