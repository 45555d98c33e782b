// Learns a curve from noisy points.
#include <sinter/sinter.h>

#include <cmath>
#include <cstdio>

using namespace sinter;

struct Curve : nn::Module {
  nn::Linear first{*this, "first", 1, 32};
  nn::Linear second{*this, "second", 32, 1};

  Tensor operator()(const Tensor& x) { return second(tanh(first(x))); }
};

int main() {
  Curve curve;
  Adam optimizer({.learning_rate = 1e-2});
  Dim points{"points"};

  Program program;
  program.add("train", {{"x", f32, {points, 1}}}, [&](const Inputs& in) -> Outputs {
    const Tensor y = sin(in["x"] * 3) + 0.1 * random_normal({points, 1});
    return {{"loss", optimizer.minimize(mean(square(curve(in["x"]) - y))).loss}};
  });
  program.add("predict", {{"x", f32, {points, 1}}}, [&](const Inputs& in) -> Outputs {
    return {{"y", curve(in["x"])}};
  });
  program.compile({.dims = {{points, 64}}});

  Array x(f32, {64, 1});
  for (int i = 0; i < 64; ++i) x.data<float>()[i] = static_cast<float>(i - 32) / 32;
  Function train = program.function("train");
  train.set_input("x", x);
  for (int step = 1; step <= 1000; ++step) train.run();
  std::printf("loss %.4f, of which the noise is 0.0100\n", train.value<float>("loss"));

  const Array y = program.run("predict", {{"x", x}}).at("y");
  for (int i = 0; i < 64; i += 9)
    std::printf("x %6.3f  y %6.3f  sin(3x) %6.3f\n", x.values<float>()[i], y.values<float>()[i],
                std::sin(3 * x.values<float>()[i]));
}
