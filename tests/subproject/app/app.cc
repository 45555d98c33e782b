// A user's program, which warns of everything.
#include <sinter/sinter.h>

#include <cstdio>

struct Mlp : sinter::nn::Module {
  sinter::nn::Linear hidden{*this, "hidden", 2, 16};
  sinter::nn::Linear classes{*this, "classes", 16, 2};

  sinter::Tensor operator()(const sinter::Tensor& x) { return classes(tanh(hidden(x)) * 2 + 1.5F); }
};

int main() {
  Mlp model;
  sinter::AdamW optimizer({.learning_rate = 1e-2});
  const sinter::Dim batch{"batch"};
  sinter::Program program;
  program.add("train", {{"x", sinter::f32, {batch, 2}}, {"label", sinter::i32, {batch}}},
              [&](const sinter::Inputs& in) -> sinter::Outputs {
                const sinter::Tensor loss = cross_entropy(model(in["x"]), in["label"]);
                return {{"loss", optimizer.minimize(loss).loss}};
              },
              {.training = true});
  program.compile({.dims = {{"batch", 4}}});
  sinter::Function train = program.function("train");
  train.set_input("x", sinter::Array::from<float>({0, 0, 0, 1, 1, 0, 1, 1}, {4, 2}));
  for (int32_t& label : train.input<int32_t>("label")) label = 1;
  train.run();
  std::printf("%f\n", static_cast<double>(train.value<float>("loss")));
}
