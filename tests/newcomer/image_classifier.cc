// An image classifier: four shapes, somewhere in 12 x 12 pixels of noise, by two convolutions. A fifth of the
// images is held back to measure on.
#include <sinter/sinter.h>

#include <cstdio>
#include <cstdlib>
#include <random>

using namespace sinter;

constexpr int kImages = 1500, kTraining = 1200, kSide = 12;
constexpr const char* kNames[] = {"horizontal bar", "vertical bar", "plus", "cross"};
constexpr int kClasses = 4;

// Whether a shape of 5 x 5 pixels, whose middle is (0, 0), has one at (row, column).
bool is_drawn(int shape, int row, int column) {
  switch (shape) {
    case 0:
      return row == 0;
    case 1:
      return column == 0;
    case 2:
      return row == 0 || column == 0;
    default:
      return std::abs(row) == std::abs(column);
  }
}

struct Classifier : nn::Module {
  nn::Conv2d first{*this, "first", {.channels = 1, .filters = 8, .size = 3, .padding = 1}};
  nn::BatchNorm first_norm{*this, "first_norm", 8};
  nn::Conv2d second{*this, "second", {.channels = 8, .filters = 16, .size = 3, .padding = 1}};
  nn::BatchNorm second_norm{*this, "second_norm", 16};
  nn::Linear out{*this, "out", 16, kClasses};

  Tensor operator()(const Tensor& images) {                                 // [n,1,12,12]
    const Tensor x = max_pool(relu(first_norm(first(images))), {2});        // [n,8,6,6]
    const Tensor features = global_max_pool(relu(second_norm(second(x))));  // [n,16,1,1]
    return out(reshape(features, {-1, 16}));
  }
};

int main(int argc, char** argv) try {
  Array images(f32, {kImages, 1, kSide, kSide}), shapes(i32, {kImages});
  std::mt19937 random(1);
  std::uniform_int_distribution<int> shape_of(0, kClasses - 1), middle(2, kSide - 3);
  std::normal_distribution<float> noise(0, 0.2f);
  for (int i = 0; i < kImages; ++i) {
    const int shape = shapes.data<int32_t>()[i] = shape_of(random), row = middle(random),
              column = middle(random);
    float* image = &images.data<float>()[i * kSide * kSide];
    for (int p = 0; p < kSide * kSide; ++p) image[p] = noise(random);
    for (int r = -2; r <= 2; ++r)
      for (int c = -2; c <= 2; ++c)
        if (is_drawn(shape, r, c)) image[(row + r) * kSide + column + c] += 1;
  }
  Dim batch{"batch"};
  Batches training({{"image", images.slice(0, kTraining)}, {"shape", shapes.slice(0, kTraining)}},
                   {.size = 32, .dim = batch, .order = Order::shuffled, .seed = 1, .drop_last = true});
  Batches held_back(
      {{"image", images.slice(kTraining, kImages)}, {"shape", shapes.slice(kTraining, kImages)}},
      {.size = 32, .dim = batch});

  Classifier model;
  AdamW optimizer({.learning_rate = 1e-2});
  const std::vector<Input> columns = {
      {"image", f32, {batch, 1, kSide, kSide}}, {"shape", i32, {batch}}, {"weight", f32, {batch}}};
  Program program;
  program.add("train", columns,
              [&](const Inputs& in) -> Outputs {
                const Tensor loss = cross_entropy(model(in["image"]), in["shape"]);
                return {{"loss", optimizer.minimize(loss).loss}};
              },
              {.training = true});
  program.add("evaluate", columns, [&](const Inputs& in) -> Outputs {
    const Tensor logits = model(in["image"]);
    return {{"loss", cross_entropy(logits, in["shape"], {.position_weights = in["weight"]})},
            {"confusion", confusion_counts(logits, in["shape"], {.weights = in["weight"]})}};
  });
  program.compile({.device = argc > 1 ? argv[1] : "cpu", .seed = 1});

  train(program, training, {.epochs = 8, .evaluation = &held_back, .progress = stdout});
  Confusion confusion;
  confusion.add(evaluate(program, held_back).sum("confusion"));
  for (int shape = 0; shape < kClasses; ++shape)
    std::printf("%-14s found %3.0f %%\n", kNames[shape], 100 * confusion.recall(shape));
  std::printf("accuracy of what was held back: %.3f\n", confusion.accuracy());
  return confusion.accuracy() > 0.95 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
