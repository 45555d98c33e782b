#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/gradients/rows.h"

// What the gradient is where the function has none, or where plain evaluation of a rule would give NaN.
namespace sinter::test {
namespace {

using graph::Builder;
using graph::DType;
using graph::OpCode;
using graph::Value;
using runtime::HostTensor;
using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The gradients of the op's first result, with cotangents of one.
std::vector<std::vector<double>> gradients(OpCode op, const std::vector<std::vector<double>>& operands,
                                           const graph::Attributes& attributes = {}) {
  Case c{op, {}, attributes};
  for (const auto& values : operands) c.operands.push_back(real({static_cast<int64_t>(values.size())}));
  Point point = make_point(c);
  for (size_t i = 0; i < operands.size(); ++i) {
    point.inputs[i] = HostTensor::from(std::span(operands[i]), point.inputs[i].shape());
  }
  Point derivative = gradient(point);
  HostTensor& cotangent = derivative.inputs.back();
  std::fill_n(cotangent.data<double>(), cotangent.size(), 1.0);
  std::vector<std::vector<double>> result;
  for (const HostTensor& tensor : evaluate(derivative)) {
    result.emplace_back(tensor.values<double>().begin(), tensor.values<double>().end());
  }
  return result;
}

using Lists = std::vector<std::vector<double>>;

TEST(Ties, AreSharedEvenly) {
  EXPECT_EQ(gradients(OpCode::max, {{1, 2, 3}, {2, 2, 2}}), (Lists{{0, 0.5, 1}, {1, 0.5, 0}}));
  EXPECT_EQ(gradients(OpCode::min, {{1, 2, 3}, {2, 2, 2}}), (Lists{{1, 0.5, 0}, {0, 0.5, 1}}));
  const graph::Attributes axes{{"axes", std::vector<int64_t>{0}}};
  EXPECT_EQ(gradients(OpCode::reduce_max, {{4, 1, 4, 4, 4}}, axes), (Lists{{0.25, 0, 0.25, 0.25, 0.25}}));
  EXPECT_EQ(gradients(OpCode::reduce_min, {{4, 1, 1, 4}}, axes), (Lists{{0, 0.5, 0.5, 0}}));
}

// PyTorch's: maximum gives both operands all of it, amax divides by a count of none.
TEST(Extrema, KeepANaN) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (OpCode op : {OpCode::max, OpCode::min}) {
    EXPECT_EQ(gradients(op, {{nan, 1, nan}, {1, nan, nan}}), (Lists{{1, 1, 1}, {1, 1, 1}})) << name(op);
  }
  for (OpCode op : {OpCode::reduce_max, OpCode::reduce_min}) {
    const Lists found = gradients(op, {{1, nan, 2, kInfinity}}, {{"axes", std::vector<int64_t>{0}}});
    EXPECT_THAT(found[0], testing::Each(testing::IsNan())) << name(op);
  }
}

TEST(Extrema, OfInfinities) {
  const graph::Attributes axes{{"axes", std::vector<int64_t>{0}}};
  EXPECT_EQ(gradients(OpCode::max, {{-kInfinity, kInfinity}, {-kInfinity, 1}}), (Lists{{0.5, 1}, {0.5, 0}}));
  EXPECT_EQ(gradients(OpCode::reduce_max, {{kInfinity, 1, kInfinity}}, axes), (Lists{{0.5, 0, 0.5}}));
  EXPECT_EQ(gradients(OpCode::reduce_max, {{-kInfinity, -kInfinity}}, axes), (Lists{{0.5, 0.5}}));
}

TEST(Kinks, HaveTheSlopeBelowThem) {
  EXPECT_EQ(gradients(OpCode::abs, {{-2, 0, 2}}), (Lists{{-1, 0, 1}}));
  EXPECT_EQ(gradients(OpCode::relu, {{-1, 0, 1}}), (Lists{{0, 0, 1}}));
  EXPECT_EQ(gradients(OpCode::leaky_relu, {{-1, 0, 1}}, {{"slope", 0.25}}), (Lists{{0.25, 0.25, 1}}));
  EXPECT_EQ(gradients(OpCode::elu, {{0, 1}}, {{"alpha", 0.25}}), (Lists{{0.25, 1}}));
}

TEST(Power, IsSafeAtAndBelowZero) {
  EXPECT_EQ(gradients(OpCode::pow, {{0, 0, 0, -2, -2, 0}, {0, 1, 2, 2, 3, 3}}),
            (Lists{{0, 1, 0, -4, 12, 0}, {0, 0, 0, 0, 0, 0}}));
}

TEST(StopGradient, StopsIt) {
  const Point point = make_point({real({3})}, [](Builder& b, const std::vector<Value>& p) {
    return std::vector<Value>{b.mul(p[0], b.stop_gradient(p[0]))};
  });
  const Point derivative = gradient(point);
  const HostTensor got = evaluate(derivative)[0];
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(got.values<double>()[i],
              derivative.inputs[1].values<double>()[i] * point.inputs[0].values<double>()[i]);
  }
}

TEST(Cast, CastsTheCotangentBack) {
  const Point point = make_point({real({3})}, [](Builder& b, const std::vector<Value>& p) {
    return std::vector<Value>{b.cast(b.mul(b.cast(p[0], DType::f32), b.constant(3, DType::f32)), DType::f64)};
  });
  const Point derivative = gradient(point);
  const HostTensor got = evaluate(derivative)[0];
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(got.values<double>()[i], static_cast<float>(derivative.inputs[1].values<double>()[i]) * 3.0f);
  }
}

TEST(Softmax, OfADeadRowHasNoGradient) {
  const graph::Attributes axis{{"axis", 0}};
  EXPECT_EQ(gradients(OpCode::softmax, {{-kInfinity, -kInfinity}}, axis), (Lists{{0, 0}}));
  // A masked place beside others gets none either.
  EXPECT_EQ(gradients(OpCode::softmax, {{-kInfinity, 3}}, axis), (Lists{{0, 0}}));
}

TEST(Saturated, FunctionsHaveFiniteGradients) {
  for (OpCode op : {OpCode::sigmoid, OpCode::silu, OpCode::softplus, OpCode::gelu, OpCode::tanh}) {
    const Lists found = gradients(op, {{-1000, -40, 40, 1000}});
    for (double value : found[0]) {
      EXPECT_TRUE(std::isfinite(value)) << name(op);
    }
  }
}

TEST(TopK, SendsGradientsToThePositionsTaken) {
  EXPECT_EQ(gradients(OpCode::top_k, {{1, 5, 5, 2}}, {{"k", 1}}), (Lists{{0, 1, 0, 0}}));
}

TEST(Index, RepeatedGathersTheSum) {
  const Point point =
      make_point({real({3}), indices({4}, {1, 1, 2, 1})}, [](Builder& b, const std::vector<Value>& p) {
        return std::vector<Value>{b.reduce_sum(b.gather(p[0], p[1]), {0})};
      });
  Point derivative = gradient(point);
  derivative.inputs.back() = HostTensor::scalar(1.0);
  const HostTensor got = evaluate(derivative)[0];
  EXPECT_THAT(got.values<double>(), ElementsAre(0, 3, 1));
}

}  // namespace
}  // namespace sinter::test
