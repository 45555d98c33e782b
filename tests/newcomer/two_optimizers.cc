// Two optimisers: a generator makes points of noise, a critic tells them from true ones, and they learn in
// turns, each by an optimiser of its own. In the end the points lie where the true ones do.
#include <sinter/sinter.h>

#include <cmath>
#include <cstdio>
#include <random>

using namespace sinter;

constexpr int kPoints = 128, kNoise = 4, kSteps = 1000;
constexpr float kMean[] = {2, -1}, kDeviation = 0.5f;

struct Network : nn::Module {
  nn::Linear first, second, out;

  Network(std::string name, int64_t in, int64_t n)
      : Module(std::move(name)),
        first(*this, "first", in, 32),
        second(*this, "second", 32, 32),
        out(*this, "out", 32, n) {}
  Tensor operator()(const Tensor& x) { return out(leaky_relu(second(leaky_relu(first(x), 0.2)), 0.2)); }
};

int main(int argc, char** argv) try {
  Network generator("generator", kNoise, 2), critic("critic", 2, 1);
  Adam of_generator({.learning_rate = 1e-3, .beta1 = 0.5, .name = "of_generator"});
  Adam of_critic({.learning_rate = 2e-3, .beta1 = 0.5, .name = "of_critic"});
  const auto made = [&] { return generator(random_normal({kPoints, kNoise})); };

  Program program;
  program.add("teach_critic", {{"points", f32, {kPoints, 2}}},
              [&](const Inputs& in) -> Outputs {
                const Tensor real = critic(in["points"]), fake = critic(made());
                const Tensor loss = binary_cross_entropy(real, ones_like(real)) +
                                    binary_cross_entropy(fake, zeros_like(fake));
                return {{"loss", of_critic.minimize(loss, {.parameters = critic}).loss}};
              },
              {.training = true});
  program.add("teach_generator", {},
              [&](const Inputs&) -> Outputs {
                const Tensor fake = critic(made());
                const Tensor loss = binary_cross_entropy(fake, ones_like(fake));
                return {{"loss", of_generator.minimize(loss, {.parameters = generator}).loss}};
              },
              {.training = true});
  program.add("generate", {}, [&](const Inputs&) -> Outputs { return {{"points", made()}}; });
  program.compile({.device = argc > 1 ? argv[1] : "cpu", .seed = 1});

  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Function teach_critic = program.function("teach_critic"),
           teach_generator = program.function("teach_generator");
  for (int i = 1; i <= kSteps; ++i) {
    const std::span<float> points = teach_critic.input<float>("points");
    for (size_t k = 0; k < points.size(); ++k) points[k] = kMean[k % 2] + kDeviation * normal(random);
    teach_critic.run();
    teach_generator.run();
    if (i % 200 == 0)
      std::printf("step %d: critic %.3f, generator %.3f\n", i, teach_critic.value<float>("loss"),
                  teach_generator.value<float>("loss"));
  }

  const Array points = program.run("generate", {}).at("points");
  bool is_near = true;
  for (int axis = 0; axis < 2; ++axis) {
    double sum = 0, squares = 0;
    for (int i = 0; i < kPoints; ++i) {
      const double value = points.values<float>()[2 * i + axis];
      sum += value;
      squares += value * value;
    }
    const double mean = sum / kPoints, deviation = std::sqrt(squares / kPoints - mean * mean);
    std::printf("axis %d: mean %.2f, should be %.1f; deviation %.2f, should be %.1f\n", axis, mean,
                kMean[axis], deviation, kDeviation);
    is_near = is_near && std::abs(mean - kMean[axis]) < 0.3 && deviation > 0.25 && deviation < 1;
  }
  return is_near ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
