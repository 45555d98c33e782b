#include <gtest/gtest.h>

#include <limits>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"

namespace sinter {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// numpy: np.arctan2(y, x), and its gradients x / (x^2 + y^2), -y / (x^2 + y^2); at the origin there is none.
TEST(Atan2, IsTheAngleInEveryQuadrant) {
  const std::vector<float> y = {0, 1, 1, 2, -1, -3, 1e-20f, 0, kInf, -1};
  const std::vector<float> x = {1, 0, -1, 5, 3, -4, -1, 0, kInf, -kInf};
  const std::vector<float> angles = {
      0,           1.57079633f, 2.35619449f,  0.380506377f, -0.321750554f, -2.49809154f,
      3.14159265f, 0,           0.785398163f, -3.14159265f};
  const std::vector<float> by_y = {1, 0, -0.5f, 5 / 29.0f, 0.3f, -4 / 25.0f, -1, 0};
  const std::vector<float> by_x = {0, -1, -0.5f, -2 / 29.0f, 0.1f, 3 / 25.0f, 0, 0};
  for (const std::string& device : kDevices) {
    SCOPED_TRACE(device);
    Program program;
    program.add("f", {{"y", f32, {10}}, {"x", f32, {10}}}, [](const Inputs& in) -> Outputs {
      const Tensor angle = atan2(in["y"], in["x"]);
      const auto gradients = grad(sum(slice(angle, 0, 0, 8)), {in["y"], in["x"]});
      return {
          {"angle", angle}, {"by_y", slice(gradients[0], 0, 0, 8)}, {"by_x", slice(gradients[1], 0, 0, 8)}};
    });
    program.compile({.device = device});
    const auto results =
        program.run("f", {{"y", Array::from<float>(y, {10})}, {"x", Array::from<float>(x, {10})}});
    EXPECT_THAT(floats(results.at("angle")), testing::Pointwise(testing::FloatNear(4e-7f), angles));
    EXPECT_THAT(floats(results.at("by_y")), testing::Pointwise(testing::FloatNear(4e-7f), by_y));
    EXPECT_THAT(floats(results.at("by_x")), testing::Pointwise(testing::FloatNear(4e-7f), by_x));
  }
}

// numpy: np.tan(x)
TEST(Tan, IsSineByCosine) {
  EXPECT_THAT(evaluate_floats([] {
                return tan(row({0, 0.5f, -1, 1.5f, 3}));
              }),
              testing::Pointwise(testing::FloatNear(4e-6f), std::vector<float>{0, 0.546302490f, -1.55740772f,
                                                                               14.1014199f, -0.142546543f}));
}

}  // namespace
}  // namespace sinter
