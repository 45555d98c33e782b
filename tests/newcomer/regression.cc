// A regression: of two numbers a and b, sin(3a) + b², with noise. A tenth of the rows is held back to measure
// on, the best epoch is kept in a checkpoint, and another program predicts with it.
#include <sinter/sinter.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>

using namespace sinter;

struct Surface : nn::Module {
  nn::Linear first{*this, "first", 2, 32};
  nn::Linear second{*this, "second", 32, 32};
  nn::Linear out{*this, "out", 32, 1};

  Tensor operator()(const Tensor& x) { return out(tanh(second(tanh(first(x))))); }
};

float height(float a, float b) {
  return std::sin(3 * a) + b * b;
}

constexpr int kRows = 2000, kTraining = 1800;
constexpr float kNoise = 0.1f;

int main(int argc, char** argv) try {
  const std::string device = argc > 1 ? argv[1] : "cpu";

  Array x(f32, {kRows, 2}), y(f32, {kRows, 1});
  std::mt19937 random(1);
  std::uniform_real_distribution<float> anywhere(-1, 1);
  std::normal_distribution<float> noise(0, kNoise);
  for (int i = 0; i < kRows; ++i) {
    float* point = &x.data<float>()[2 * i];
    for (int axis = 0; axis < 2; ++axis) point[axis] = anywhere(random);
    y.data<float>()[i] = height(point[0], point[1]) + noise(random);
  }
  Dim batch{"batch"};
  Batches training({{"x", x.slice(0, kTraining)}, {"y", y.slice(0, kTraining)}},
                   {.size = 64, .dim = batch, .order = Order::shuffled, .seed = 1});
  Batches held_back({{"x", x.slice(kTraining, kRows)}, {"y", y.slice(kTraining, kRows)}},
                    {.size = 64, .dim = batch});

  Surface model;
  AdamW optimizer({.learning_rate = 1e-2});
  const std::vector<Input> columns = {
      {"x", f32, {batch, 2}}, {"y", f32, {batch, 1}}, {"weight", f32, {batch}}};
  const auto loss_of = [&](const Inputs& in) {
    // Rows that fill up a batch have weight 0.
    return mean_squared_error(model(in["x"]), in["y"], {.weights = expand_dims(in["weight"], 1)});
  };
  Program program;
  program.add("train", columns,
              [&](const Inputs& in) -> Outputs {
                return {{"loss", optimizer.minimize(loss_of(in)).loss}};
              },
              {.training = true});
  program.add("evaluate", columns, [&](const Inputs& in) -> Outputs { return {{"loss", loss_of(in)}}; });
  program.compile({.device = device, .seed = 1});

  const std::string folder = "regression_run";
  std::filesystem::remove_all(
      folder);  // without this line a second run goes on from where the first has ended
  Checkpoints checkpoints(folder, {.keep = 1});
  train(program, training,
        {.epochs = 30, .evaluation = &held_back, .checkpoints = &checkpoints, .progress = stdout});

  // Somewhere else, all that is needed is the model and the file.
  Surface learned;
  Program predictor;
  predictor.add("predict", {{"x", f32, {batch, 2}}}, [&](const Inputs& in) -> Outputs {
    return {{"y", learned(in["x"])}};
  });
  predictor.compile({.device = device});
  const Checkpoint best = *checkpoints.load_best(predictor, {.ignore_unknown = true});

  const Array at = Array::from<float>({-0.5f, 0, 0, 0.5f, 0.5f, 0.5f}, {3, 2});
  const Array predicted = predictor.run("predict", {{"x", at}}).at("y");
  float worst = 0;
  for (int i = 0; i < 3; ++i) {
    const float *point = &at.values<float>()[2 * i], *height_there = &predicted.values<float>()[i];
    std::printf("at (%4.1f, %4.1f): %5.2f, should be %5.2f\n", point[0], point[1], *height_there,
                height(point[0], point[1]));
    worst = std::max(worst, std::abs(*height_there - height(point[0], point[1])));
  }
  // What cannot be learned is the noise, whose mean square is 0.01.
  std::printf("mean squared error of what was held back: %.4f, of step %u\n", *best.notes.measure, best.step);
  return *best.notes.measure < 1.5 * kNoise * kNoise && worst < 0.1f ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
