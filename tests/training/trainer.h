#pragma once

#include <sinter/sinter.h>

#include <memory>
#include <string>

namespace sinter {

// A small model in training, with all that a run goes on from: moments, random numbers, an order of the data.
struct Trainer {
  struct Model : nn::Module {
    nn::Linear hidden{*this, "hidden", 3, 8};
    nn::Linear out{*this, "out", 8, 1};
    Tensor operator()(const Tensor& x) { return out(dropout(tanh(hidden(x)), 0.25)); }
  };

  Model model;
  AdamW optimizer{{.learning_rate = 1e-2}};
  Program program;
  Batches batches;
  Function step;

  explicit Trainer(const std::string& device, int threads = 1)
      : program(compiled(device)), batches(data(threads)), step(program.function("train")) {}

  void train() {
    batches.next().feed(step);
    step.run();
  }

  static Batches data(int threads = 1) {
    Array x(f32, {22, 3}), y(f32, {22, 1});
    for (int i = 0; i < 66; ++i) x.data<float>()[i] = static_cast<float>(i % 7) / 7 - 0.5f;
    for (int i = 0; i < 22; ++i) y.data<float>()[i] = static_cast<float>(i % 5) / 5;
    return Batches({{"x", x}, {"y", y}},
                   {.size = 4, .order = Order::shuffled, .seed = 2, .threads = threads});
  }

 private:
  Program compiled(const std::string& device) {
    Program made;
    made.add("train", {{"x", f32, {4, 3}}, {"y", f32, {4, 1}}, {"weight", f32, {4}}},
             [&](const Inputs& in) -> Outputs {
               const Tensor loss =
                   mean_squared_error(model(in["x"]), in["y"], {.weights = reshape(in["weight"], {4, 1})});
               return {{"loss", optimizer.minimize(loss).loss}};
             },
             {.training = true});
    made.add("evaluate", {{"x", f32, {4, 3}}, {"y", f32, {4, 1}}, {"weight", f32, {4}}},
             [&](const Inputs& in) -> Outputs {
               const Tensor weight = reshape(in["weight"], {4, 1});
               const Tensor y = model(in["x"]);
               return {{"loss", mean_squared_error(y, in["y"], {.weights = weight})},
                       {"squares", mean_counts(square(y - in["y"]), weight)}};
             });
    made.compile({.device = device, .threads = 1, .seed = 5});
    return made;
  }
};

}  // namespace sinter
