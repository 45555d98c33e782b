// Learns exclusive or: the example of the README.
#include <sinter/sinter.h>

#include <cstdio>

using namespace sinter;

struct Mlp : nn::Module {
  nn::Linear hidden{*this, "hidden", 2, 16};
  nn::Linear classes{*this, "classes", 16, 2};

  Tensor operator()(const Tensor& x) { return classes(tanh(hidden(x))); }
};

int main() {
  Mlp model;
  AdamW optimizer({.learning_rate = 1e-2});
  Dim batch{"batch"};

  Program program;
  program.add("train", {{"x", f32, {batch, 2}}, {"label", i32, {batch}}},
              [&](const Inputs& in) -> Outputs {
                const Tensor loss = cross_entropy(model(in["x"]), in["label"]);
                return {{"loss", optimizer.minimize(loss).loss}};
              },
              {.training = true});
  program.add("predict", {{"x", f32, {batch, 2}}}, [&](const Inputs& in) -> Outputs {
    return {{"label", argmax(model(in["x"]), -1)}};
  });
  program.compile({.device = "cpu", .dims = {{batch, 4}}});

  const Array x = Array::from<float>({0, 0, 0, 1, 1, 0, 1, 1}, {4, 2});
  Function train = program.function("train");
  train.set_input("x", x);
  train.set_input("label", Array::from<int32_t>({0, 1, 1, 0}, {4}));
  for (int step = 1; step <= 500; ++step) {
    train.run();  // forward, backward and update: one call into machine code
    if (step % 100 == 0) std::printf("step %d: loss %.4f\n", step, train.value<float>("loss"));
  }

  const Array label = program.run("predict", {{"x", x}}).at("label");
  for (int row = 0; row < 4; ++row)
    std::printf("%d xor %d = %d\n", row / 2, row % 2, label.values<int32_t>()[row]);
}
