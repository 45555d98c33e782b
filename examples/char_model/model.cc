#include "examples/char_model/model.h"

#include <cmath>

using namespace sinter;

namespace char_model {
namespace {

constexpr double kDeviation = 0.02;  // of weights at the beginning

nn::TransformerBlockOptions to_block(const ModelOptions& options) {
  return {.attention = {.width = options.width,
                        .heads = options.heads,
                        .bias = false,
                        .causal = true,
                        .dropout = options.dropout,
                        .cache = nn::KeyValueCacheOptions{.capacity = options.context}},
          .activation = gelu,
          .norm_first = true,
          .bias = false,
          .dropout = options.dropout};
}

}  // namespace

Model::Model(const ModelOptions& options)
    : characters_(*this, "characters", options.characters, options.width),
      positions_(*this, "positions", options.context, options.width),
      dropout_(*this, "dropout", options.dropout),
      blocks_(*this, "blocks", options.layers, to_block(options)),
      norm_(*this, "norm", options.width, {.bias = false}) {
  initialize({*this, [](const Variable& p) { return p.shape().size() > 1; }},
             Initializer::normal(0, kDeviation));
  // What blocks add to, of which each has two parts (GPT-2).
  const auto adds = [](const Variable& p) {
    return p.path().ends_with("attention.output.weight") || p.path().ends_with("contract.weight");
  };
  initialize({*this, adds},
             Initializer::normal(0, kDeviation / std::sqrt(2.0 * static_cast<double>(options.layers))));
}

Tensor Model::operator()(const Tensor& ids) {
  Tensor x = dropout_(characters_(ids) + positions_(arange(ids.shape()[1])));
  for (nn::TransformerBlock& block : blocks_) x = block(x);
  return characters_.logits(norm_(x));
}

Tensor Model::extend(const Tensor& ids) {
  const int64_t count = ids.shape()[1];
  Tensor x = characters_(ids) + positions_(blocks_[0].attention.cache->positions(count));
  for (nn::TransformerBlock& block : blocks_) x = block.extend(x);
  return characters_.logits(norm_(at(at(x, 1, count - 1), 0, 0)));
}

}  // namespace char_model
