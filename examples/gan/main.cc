// Learns to throw darts: points in eight clusters on a circle, by a generator that tries to deceive a critic
// (Goodfellow et al., "Generative adversarial nets", 2014). Two optimisers take turns in one compiled step.
#include <sinter/sinter.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

using namespace sinter;

namespace {

constexpr int64_t kNoise = 16, kPoints = 256, kClusters = 8, kWidth = 128, kSteps = 8000;
constexpr double kPi = 3.14159265358979323846;

struct Network : nn::Module {
  Network(std::string name, int64_t in, int64_t out)
      : Module(std::move(name)),
        first(*this, "first", in, kWidth),
        second(*this, "second", kWidth, kWidth),
        last(*this, "last", kWidth, out) {}
  Tensor operator()(const Tensor& x) { return last(leaky_relu(second(leaky_relu(first(x), 0.2)), 0.2)); }

  nn::Linear first, second, last;
};

// Around (cos, sin) of eight angles, by 0.05 in each direction.
Tensor true_points() {
  const Tensor cluster = floor(random_uniform({kPoints, 1}) * kClusters);
  const Tensor angle = cluster * (2 * kPi / kClusters);
  return concat({cos(angle), sin(angle)}, 1) + 0.05 * random_normal({kPoints, 2});
}

// From above, 33 columns and 17 rows of [-1.4,1.4] in each direction.
void draw(const Array& points) {
  constexpr int kColumns = 33, kRows = 17;
  std::vector<std::string> lines(kRows, std::string(kColumns, ' '));
  for (size_t i = 0; i < static_cast<size_t>(kPoints); ++i) {
    const float x = points.values<float>()[2 * i], y = points.values<float>()[2 * i + 1];
    if (std::abs(x) >= 1.4f || std::abs(y) >= 1.4f) continue;
    const auto column = static_cast<size_t>((x + 1.4f) / 2.8f * kColumns);
    const auto row = static_cast<size_t>((1.4f - y) / 2.8f * kRows);
    lines[row][column] = lines[row][column] == ' ' ? '.' : 'o';
  }
  for (const std::string& line : lines) std::printf("  %s\n", line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Network generator("generator", kNoise, 2), critic("critic", 2, 1);
    Adam of_generator({.learning_rate = linear_decay(1e-3, kSteps), .beta1 = 0.5, .name = "of_generator"});
    Adam of_critic({.learning_rate = linear_decay(1e-3, kSteps), .beta1 = 0.5, .name = "of_critic"});
    const auto fake_points = [&] { return generator(random_normal({kPoints, kNoise})); };

    Program program;
    program.add("train", {}, [&](const Inputs&) -> Outputs {
      // The critic learns to tell points apart, the generator being left alone...
      const Tensor seen = critic(true_points()), made = critic(stop_gradient(fake_points()));
      const Tensor critic_loss =
          binary_cross_entropy(seen, ones_like(seen)) + binary_cross_entropy(made, zeros_like(made));
      const Tensor fooled = of_critic.minimize(critic_loss, {.parameters = critic}).loss;
      // ...and the generator what this critic takes for true.
      const Tensor judged = critic(fake_points());
      const Tensor loss =
          of_generator.minimize(binary_cross_entropy(judged, ones_like(judged)), {.parameters = generator})
              .loss;
      return {{"critic", fooled}, {"generator", loss}};
    });
    program.add("generate", {}, [&](const Inputs&) -> Outputs { return {{"points", fake_points()}}; });
    program.compile({.device = argc > 1 ? argv[1] : "cpu"});

    Function train = program.function("train");
    for (int step = 1; step <= kSteps; ++step) {
      train.run();
      if (step % 2000 != 0) continue;
      std::printf("step %d: critic %.3f, generator %.3f\n", step, train.value<float>("critic"),
                  train.value<float>("generator"));
    }
    draw(program.run("generate", {}).at("points"));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gan: %s\n", error.what());
    return 1;
  }
}
