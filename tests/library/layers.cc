#include "tests/library/layers.h"

#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"

namespace sinter {

void expect_figures(const std::vector<LayerCase>& cases) {
  for (const std::string& device : kDevices) {
    nn::Module root;
    Program program;
    for (const LayerCase& one : cases) {
      const auto apply = one.make(root, one.name);
      program.add(one.name, {{"x", f32, figure("layers/" + one.name + ".x").shape()}},
                  [&root, &one, apply](const Inputs& in) -> Outputs {
                    const Tensor x = in["x"], y = apply(x);
                    const Parameters own(
                        root, [&](const Variable& p) { return p.path().starts_with(one.name + "."); });
                    const Tensor loss = sum(y * given("layers/" + one.name + ".seed"));
                    Outputs outputs = {{"value", y}, {"x.gradient", grad(loss, {x})[0]}};
                    const std::vector<Tensor> gradients = grad(loss, own);
                    for (size_t i = 0; i < gradients.size(); ++i) {
                      const std::string path = own.all()[i]->path().substr(one.name.size() + 1);
                      outputs.push_back({path + ".gradient", gradients[i]});
                    }
                    return outputs;
                  },
                  {.training = one.training});
    }
    program.compile({.device = device});
    for (const nn::Parameter* parameter : root.parameters()) {
      program.set_state(parameter->path(), figure("layers/" + parameter->path()));
    }
    for (const LayerCase& one : cases) {
      const Arrays results = program.run(one.name, {{"x", figure("layers/" + one.name + ".x")}});
      for (const auto& [name, result] : results) {
        SCOPED_TRACE(one.name + "." + name + " on " + device);
        const std::string figure_name = "layers/" + one.name + "." + name;
        EXPECT_EQ(result.shape(), figure(figure_name).shape());
        EXPECT_THAT(floats(result), near_figures(figure_name, one.rounding, 1));
      }
    }
  }
}

}  // namespace sinter
