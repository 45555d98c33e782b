#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

using testing::ElementsAre;

TEST(Control, ScanCarriesAndStacks) {
  // Running sums of (1, 2, 3), each scaled by a captured value.
  const auto run = [](bool reverse) {
    return evaluate_floats([=] {
      const Tensor two = full({}, 2);
      const ScanStep result =
          scan({zeros({})}, {row({1, 2, 3})},
               [&](const std::vector<Tensor>& carries, const std::vector<Tensor>& inputs) -> ScanStep {
                 const Tensor next = carries[0] + inputs[0];
                 return {{next}, {next * two}};
               },
               {.reverse = reverse});
      return concat({result.outputs[0], reshape(result.carries[0], {1})}, 0);
    });
  };
  EXPECT_THAT(run(false), ElementsAre(2, 6, 12, 6));
  EXPECT_THAT(run(true), ElementsAre(12, 10, 6, 6));
}

TEST(Control, ScanDrawsNewNumbersEachTime) {
  const auto drawn = evaluate_floats([] {
    return scan({}, {},
                [](const std::vector<Tensor>&, const std::vector<Tensor>&) -> ScanStep {
                  return {{}, {random_uniform({2})}};
                },
                {.length = 3})
        .outputs[0];
  });
  EXPECT_EQ(std::set<float>(drawn.begin(), drawn.end()).size(), 6u);
}

TEST(Control, ScanSaysWhatDoesNotFit) {
  const auto body = [](const std::vector<Tensor>& carries, const std::vector<Tensor>&) -> ScanStep {
    return {carries, {}};
  };
  EXPECT_THAT(message_of([&] {
                evaluate([&] { return scan({zeros({})}, {zeros({3}), zeros({4})}, body).carries[0]; });
              }),
              testing::StartsWith("scan: input f32[4] has no leading axis of 3 (control_test.cc:"));
  EXPECT_THAT(message_of([&] { evaluate([&] { return scan({zeros({})}, {}, body).carries[0]; }); }),
              testing::StartsWith("scan: without inputs it needs a length (control_test.cc:"));
}

TEST(Control, GradientsOfGradients) {
  // x^3 at 2: 3 x^2 = 12, 6 x = 12.
  EXPECT_THAT(evaluate_floats([] {
                const Tensor x = full({}, 2);
                const Tensor first = grad(x * x * x, {x})[0];
                return stack({first, grad(first, {x})[0]});
              }),
              ElementsAre(12, 12));
}

TEST(Control, GradientsPassCheckpointsAndScans) {
  nn::Module root;
  nn::Parameter weight(root, "weight", {2}, Initializer::constant(3));
  EXPECT_THAT(evaluate_floats([&] {
                const Tensor y = checkpoint([&](const Tensor& x) { return x * square(weight); }, row({1, 2}));
                return grad(sum(y), {weight})[0];
              }),
              ElementsAre(6, 12));
  // w^3 at 3, by a loop.
  EXPECT_THAT(evaluate_floats([&] {
                const ScanStep power =
                    scan({ones({2})}, {},
                         [&](const std::vector<Tensor>& carries, const std::vector<Tensor>&) -> ScanStep {
                           return {{carries[0] * weight}, {}};
                         },
                         {.length = 3});
                return grad(sum(power.carries[0]), {weight})[0];
              }),
              ElementsAre(27, 27));
}

TEST(Control, StraightThroughKeepsTheValueAndPassesTheGradient) {
  EXPECT_THAT(evaluate_floats([] {
                const Tensor x = row({0.3f, 1.7f});
                const Tensor y = straight_through(round(x), x);
                return concat({y, grad(sum(y * y), {x})[0]}, 0);
              }),
              ElementsAre(0, 2, 0, 4));
}

TEST(Control, AGradientOfOnesOwn) {
  const auto doubled = [](const std::vector<Tensor>& x) { return std::vector<Tensor>{x[0] * 2}; };
  const auto gradients = [](const std::vector<Tensor>& x, const std::vector<Tensor>& dy) {
    return std::vector<Tensor>{dy[0] * x[0] * 10};
  };
  EXPECT_THAT(evaluate_floats([&] {
                const Tensor x = row({1, 2});
                const Tensor y = custom_gradient(doubled, gradients, {x})[0];
                return concat({y, grad(sum(y), {x})[0]}, 0);
              }),
              ElementsAre(2, 4, 10, 20));
  EXPECT_THAT(message_of([&] {
                evaluate([&] {
                  const Tensor x = row({1, 2});
                  return custom_gradient(
                      [&](const std::vector<Tensor>&) { return std::vector<Tensor>{x * x}; }, gradients,
                      {x})[0];
                });
              }),
              testing::StartsWith(
                  "custom_gradient: f32[2] from around it is used; pass it as an input (control_test.cc:"));
}

TEST(Control, StateIsNotWrittenInsideALoop) {
  nn::Module root;
  nn::Buffer buffer(root, "buffer", {});
  EXPECT_THAT(
      message_of([&] {
        evaluate([&] {
          return checkpoint(
              [&](const Tensor& x) {
                buffer.assign(x);
                return x;
              },
              ones({}));
        });
      }),
      testing::StartsWith("assign to 'buffer': state is written outside of scan and checkpoint only"));
}

}  // namespace
}  // namespace sinter
