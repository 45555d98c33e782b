// The model of somebody who has just installed Sinter: learns which side of a line a point is on.
#include <sinter/sinter.h>

#include <cstdio>
#include <vector>

using namespace sinter;

struct Sides : nn::Module {
  nn::Linear hidden{*this, "hidden", 2, 8};
  nn::Linear side{*this, "side", 8, 2};

  Tensor operator()(const Tensor& x) { return side(relu(hidden(x))); }
};

int main() {
  std::vector<float> points;
  std::vector<int32_t> sides;
  for (int i = 0; i < 64; ++i) {
    const float x = static_cast<float>(i % 8) / 8, y = static_cast<float>(i / 8) / 8;
    points.insert(points.end(), {x, y});
    sides.push_back(x + 2 * y > 1.4f);
  }
  Sides model;
  AdamW optimizer({.learning_rate = 3e-2});
  Program program;
  program.add("train", {{"x", f32, {64, 2}}, {"side", i32, {64}}},
              [&](const Inputs& in) -> Outputs {
                return {{"loss", optimizer.minimize(cross_entropy(model(in["x"]), in["side"])).loss}};
              },
              {.training = true});
  program.compile();
  const Arrays batch{{"x", Array::from(points, {64, 2})}, {"side", Array::from(sides, {64})}};
  float loss = 0;
  for (int step = 0; step < 200; ++step) loss = program.run("train", batch).at("loss").item<float>();
  std::printf("loss %.4f\n", static_cast<double>(loss));
  return loss < 0.2f ? 0 : 1;
}
