#include "tests/library/layers.h"

#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"

namespace sinter {
namespace {

constexpr int64_t kSteps = 5;
constexpr float kTrainedRounding = 1e-5f;  // AdamW divides gradients that are rounding alone

std::string figure_of(const LayerCase& one, const std::string& what) {
  return "layers/" + one.name + "." + what;
}

// A layer in the functions "NAME" and "train_NAME".
class Layer {
 public:
  Layer(nn::Module& root, Program& program, const LayerCase& one)
      : one_(one),
        apply_(one.make(root, one.name)),
        own_(root, [&](const Variable& p) { return p.path().starts_with(one.name + "."); }),
        front_(root, one.name + "_front", shape(), Initializer::values(figure(figure_of(one, "front")))),
        sgd_({.learning_rate = 0.05,
              .momentum = 0.9,
              .nesterov = true,
              .weight_decay = 0.1,
              .name = "sgd_" + one.name}),
        adamw_({.learning_rate = 0.02,
                .beta1 = 0.8,
                .beta2 = 0.95,
                .epsilon = 1e-3,
                .weight_decay = 0.1,
                .name = "adamw_" + one.name}) {
    const FunctionOptions options{.training = one.training};
    program.add(
        one.name, {{"x", f32, shape()}}, [this](const Inputs& in) { return value(in["x"]); }, options);
    program.add(
        "train_" + one.name, {{"x", f32, shape()}}, [this](const Inputs& in) { return step(in["x"]); },
        options);
  }

  void begin(Program& program) const {
    for (const Variable* p : own_.all()) program.set_state(p->path(), figure("layers/" + p->path()));
    for (const std::string& buffer : one_.buffers)
      program.set_state(one_.name + "." + buffer, figure(figure_of(one_, buffer)));
  }

  void expect_value(Program& program) const {
    const Arrays results = program.run(one_.name, {{"x", figure(figure_of(one_, "x"))}});
    for (const auto& [name, result] : results) expect(name, result, one_.rounding);
  }

  void expect_training(Program& program) const {
    const std::vector<float> inputs = figures(figure_of(one_, "inputs"));
    const auto size = static_cast<std::ptrdiff_t>(inputs.size() / kSteps);
    std::vector<float> losses;
    for (int64_t i = 0; i < kSteps; ++i) {
      const auto begin = inputs.begin() + i * size;
      const Array x = Array::from<float>(std::vector<float>(begin, begin + size), shape());
      losses.push_back(program.run("train_" + one_.name, {{"x", x}}).at("loss").item<float>());
    }
    expect("losses", Array::from<float>(losses, {kSteps}), kTrainedRounding);
    const auto expect_trained = [&](const std::string& what, const std::string& path) {
      expect(what + ".trained", program.state(path), kTrainedRounding);
    };
    expect_trained("front", front_.path());
    for (const Variable* p : own_.all()) expect_trained(name_of(*p), p->path());
    for (const std::string& buffer : one_.buffers) expect_trained(buffer, one_.name + "." + buffer);
  }

 private:
  Shape shape() const { return figure(figure_of(one_, "x")).shape(); }
  std::string name_of(const Variable& p) const { return p.path().substr(one_.name.size() + 1); }

  Outputs value(const Tensor& x) const {
    const Tensor y = apply_(x), loss = sum(y * given(figure_of(one_, "seed")));
    Outputs outputs = {{"value", y}, {"x.gradient", grad(loss, {x})[0]}};
    const std::vector<Tensor> gradients = grad(loss, own_);
    for (size_t i = 0; i < gradients.size(); ++i)
      outputs.push_back({name_of(*own_.all()[i]) + ".gradient", gradients[i]});
    return outputs;
  }

  Outputs step(const Tensor& x) {
    const Tensor loss = mean_squared_error(apply_(x * front_), given(figure_of(one_, "seed")));
    if (!own_.all().empty()) adamw_.minimize(loss, {.parameters = own_});
    return {{"loss", sgd_.minimize(loss, {.parameters = std::vector<nn::Parameter*>{&front_}}).loss}};
  }

  void expect(const std::string& what, const Array& got, float rounding) const {
    SCOPED_TRACE(one_.name + "." + what);
    EXPECT_EQ(got.shape(), figure(figure_of(one_, what)).shape());
    EXPECT_THAT(floats(got), near_figures(figure_of(one_, what), rounding, 1));
  }

  const LayerCase& one_;
  std::function<Tensor(const Tensor& x)> apply_;
  Parameters own_;
  nn::Parameter front_;  // a scale of what it is trained on
  SGD sgd_;
  AdamW adamw_;
};

}  // namespace

void expect_figures(const std::vector<LayerCase>& cases) {
  for (const std::string& device : kDevices) {
    SCOPED_TRACE(device);
    nn::Module root;
    Program program;
    std::vector<std::unique_ptr<Layer>> layers;
    for (const LayerCase& one : cases) layers.push_back(std::make_unique<Layer>(root, program, one));
    program.compile({.device = device});
    for (const auto& layer : layers) {
      layer->begin(program);
      layer->expect_value(program);
      layer->expect_training(program);
    }
  }
}

}  // namespace sinter
