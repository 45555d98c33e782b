// A user's program, which warns of everything.
#include <sinter/sinter.h>

#include <cstdio>

struct Tagger : sinter::nn::Module {
  sinter::nn::MultiHeadAttention attention{*this, "attention", {.width = 16, .heads = 2}};
  sinter::nn::LayerNorm norm{*this, "norm", 16, {.bias = false}};
  sinter::nn::ModuleList<sinter::nn::Linear> layers{*this, "layers", 2, 16, 16};
  sinter::nn::Parameter scale{*this, "scale", {1, 16}, sinter::Initializer::ones()};

  sinter::Tensor operator()(sinter::Tensor x) {
    x = norm(attention(x) * 2 + 1.5F);
    for (const sinter::nn::Linear& layer : layers) x = relu(layer(x)) * scale;
    return x;
  }
};

int main() {
  Tagger model;
  sinter::AdamW optimizer({.learning_rate = 1e-2});
  const sinter::Dim batch{"batch"};
  sinter::Program program;
  program.add("train", {{"x", sinter::f32, {batch, 4, 16}}, {"label", sinter::i32, {batch * 4}}},
              [&](const sinter::Inputs& in) -> sinter::Outputs {
                const sinter::Tensor scores = reshape(model(in["x"]), {4 * batch, -1});
                const sinter::Tensor loss = cross_entropy(scores, in["label"], {.ignore_index = -100});
                return {{"loss", optimizer.minimize(loss, {.clip_norm = 1}).loss}};
              },
              {.training = true});
  program.compile({.device = "cpu", .threads = 1, .dims = {{batch, 2}}});
  program.load("weights.safetensors",
               {.ignore_missing = true, .names = {{"model.*.weight", "*.weight", {1, 0}}, {"model.*", "*"}}});
  sinter::Function train = program.function("train");
  train.set_input("x", sinter::Array(sinter::f32, {2, 4, 16}));
  for (int32_t& label : train.input<int32_t>("label")) label = 1;
  train.run();
  std::printf("%f\n", static_cast<double>(train.value<float>("loss")));
}
