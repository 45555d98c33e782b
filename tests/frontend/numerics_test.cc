#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "ir/loop/program.h"
#include "passes/pipeline.h"
#include "tests/support/message_of.h"
#include "tests/support/this_line.h"

// What check_numerics says: the op that first gives a NaN or an infinity which comes into a result, on every
// device alike.
namespace sinter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr float kOverflow = std::numeric_limits<float>::infinity();
constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

Array list(const std::vector<float>& values) {
  return Array::from<float>(values, {static_cast<int64_t>(values.size())});
}

// What `run` says on a program for each device, which has to be one thing.
std::string said_by_all(const std::function<std::string(const std::string& device)>& run) {
  const std::string said = run("cpu");
  EXPECT_EQ(run("vulkan"), said);
  EXPECT_EQ(run("reference"), said);
  return said;
}

std::string said_of(const std::vector<Input>& inputs, const Program::Body& body, const Arrays& arrays) {
  return said_by_all([&](const std::string& device) {
    Program program;
    program.add("f", inputs, body);
    program.compile({.device = device, .check_numerics = true});
    return message_of([&] { program.run("f", arrays); });
  });
}

std::string said_of(const std::function<Tensor(const Tensor&)>& f, const std::vector<float>& x) {
  const auto size = static_cast<int64_t>(x.size());
  return said_of({{"x", f32, {size}}},
                 [&](const Inputs& in) -> Outputs {
                   return {{"y", f(in["x"])}};
                 },
                 {{"x", list(x)}});
}

enum class Planted { nothing, logarithm, exponential, root };
constexpr int64_t kRows = 4, kWidth = 8;

// The zeros and large numbers are computed: what is planted is fused with what stands around it.
struct Layer : nn::Module {
  Layer(nn::Module& owner, const std::string& name, Planted what)
      : nn::Module(owner, name), linear(*this, "linear", kWidth, kWidth), planted(what) {}

  Tensor operator()(const Tensor& x) {
    const nn::Scope scope(*this);
    const Tensor h = linear(x);
    line = this_line() + 1;
    if (planted == Planted::logarithm) return log(relu(h - 9.0)) * 0.125 + x;
    if (planted == Planted::exponential) return exp(abs(h) + 89.0) * 0.125 + x;
    if (planted == Planted::root) return sqrt(square(h) * 0.0) + x;
    return tanh(h) + x;
  }

  nn::Linear linear;
  Planted planted;
  int line = 0;
};

struct FourLayers : nn::Module {
  FourLayers(Planted planted, size_t at) {
    for (size_t i = 0; i < 4; ++i) {
      layers.push_back(
          std::make_unique<Layer>(*this, fmt::format("layer{}", i), i == at ? planted : Planted::nothing));
    }
  }
  Tensor operator()(Tensor x) {
    for (auto& layer : layers) x = (*layer)(x);
    return x;
  }
  std::vector<std::unique_ptr<Layer>> layers;
};

std::string said_in_training(Planted planted, size_t at, int& line, int64_t micro_batches = 1) {
  return said_by_all([&](const std::string& device) {
    FourLayers model(planted, at);
    SGD optimizer({.learning_rate = 0.1});
    const Dim rows{"rows"};
    Program program;
    program.add("train", {{"x", f32, {rows, kWidth}}},
                [&](const Inputs& in) -> Outputs {
                  return {{"loss", optimizer.minimize(mean(model(in["x"]))).loss}};
                },
                {.training = true, .micro_batches = micro_batches});
    program.compile({.device = device, .seed = 7, .dims = {{rows, kRows}}, .check_numerics = true});
    line = model.layers[at]->line;
    Function train = program.function("train");
    std::vector<float> x(kRows * kWidth);
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.1f * static_cast<float>(i % 7);
    train.set_input("x", Array::from<float>(x, {kRows, kWidth}));
    program.set_step(3);
    const Array before = program.state("layer3.linear.weight");
    const std::string said = message_of([&] { train.run(); });
    EXPECT_EQ(program.step(), 3u);
    EXPECT_TRUE(
        std::ranges::equal(program.state("layer3.linear.weight").values<float>(), before.values<float>()));
    return said;
  });
}

TEST(Numerics, NamesALogarithmOfZeroInALayer) {
  int line = 0;
  const std::string said = said_in_training(Planted::logarithm, 3, line);
  EXPECT_EQ(said, fmt::format("train: output 'loss' is not finite: -inf in step 3 of seed 7\n"
                              "  first: log gives -inf at 32 of 32 elements, the first at [0,0] of f32[4,8] "
                              "(numerics_test.cc:{}, in layer3)\n"
                              "    operand 0 (result of select): f32[4,8] from 0 to 0",
                              line));
}

TEST(Numerics, NamesAnOverflowInALayerAndWhatBecomesOfIt) {
  int line = 0;
  const std::string said = said_in_training(Planted::exponential, 1, line);
  EXPECT_EQ(said,
            fmt::format("train: output 'loss' is not finite: nan in step 3 of seed 7\n"
                        "  first: exp gives inf at 32 of 32 elements, the first at [0,0] of f32[4,8] "
                        "(numerics_test.cc:{0}, in layer1)\n"
                        "    operand 0 (result of add): f32[4,8] from 89.0010452 to 89.5075073\n"
                        "  then: contract gives nan at 32 of 32 elements, the first at [0,0] of f32[4,8] "
                        "(numerics_test.cc:{1}, in layer2.linear)\n"
                        "    operand 0 (result of add): f32[4,8], with inf\n"
                        "    operand 1 (layer2.linear.weight): f32[8,8] from -0.353114396 to 0.33695507",
                        line + 1, line - 2));
}

TEST(Numerics, NamesZeroTimesInfinityInBackward) {
  int line = 0;
  const std::string said = said_in_training(Planted::root, 2, line);
  EXPECT_EQ(
      said,
      fmt::format(
          "train: state 'layer0.linear.weight' is not finite: nan at position [0,0] in step 3 of seed 7\n"
          "  first: div of a gradient gives inf at 32 of 32 elements, the first at [0,0] of f32[4,8] "
          "(numerics_test.cc:{0}, in layer2)\n"
          "    operand 0 (result of mul): f32[4,8] from 0.0029181838 to 0.0314531475\n"
          "    operand 1 (result of sqrt): f32[4,8] from 0 to 0\n"
          "  then: mul of a gradient gives nan at 32 of 32 elements, the first at [0,0] of f32[4,8] "
          "(numerics_test.cc:{0}, in layer2)\n"
          "    operand 0 (result of div): f32[4,8], with inf\n"
          "    operand 1 (result of constant): f32[4,8] from 0 to 0",
          line + 2));
}

TEST(Numerics, IsOfTheOpsInAMicroBatch) {
  int line = 0;
  const std::string said = said_in_training(Planted::logarithm, 3, line, 2);
  EXPECT_THAT(said,
              HasSubstr(fmt::format("  first: log gives -inf at 16 of 16 elements, the first at [0,0] of "
                                    "f32[2,8] (numerics_test.cc:{}, in layer3)\n"
                                    "    in step 0 of the scan over 'train.batches0' (numerics_test.cc:",
                                    line)));
}

TEST(Numerics, SaysWhatOfItsInputsAnOpMadeItOf) {
  const int line = this_line() + 1;
  const std::string said = said_of([](const Tensor& x) { return log(x * 2.0); }, {1, 0, 4, -1});
  EXPECT_EQ(said,
            fmt::format("f: output 'y' is not finite: -inf at position [1] in call 0 of seed 0\n"
                        "  first: log gives -inf and nan at 2 of 4 elements, the first at [1] of f32[4] "
                        "(numerics_test.cc:{})\n"
                        "    operand 0 (result of mul): f32[4] from -2 to 8",
                        line));
}

TEST(Numerics, NamesAnInputThatHoldsANaN) {
  EXPECT_EQ(said_of([](const Tensor& x) { return exp(x) + log(x); }, {1, kNoNumber, 4}),
            "f: output 'y' is not finite: nan at position [1] in call 0 of seed 0\n"
            "  first: input 'x' holds nan at [1] of f32[3]");
}

// Written down on purpose, so the op counts that makes a NaN of it.
TEST(Numerics, NamesWhatMakesANaNOfAnInfinityThatIsMeant) {
  const int line = this_line() + 2;
  const std::string said =
      said_of([](const Tensor& x) { return where(x > 0.0, x, -kOverflow) * 0.0; }, {1, -1});
  EXPECT_EQ(said, fmt::format("f: output 'y' is not finite: nan at position [1] in call 0 of seed 0\n"
                              "  first: mul gives nan at [1] of f32[2] (numerics_test.cc:{})\n"
                              "    operand 0 (result of select): f32[2] from 1 to 1, with -inf\n"
                              "    operand 1 (result of constant): f32[2] from 0 to 0",
                              line));
  EXPECT_THAT(said_of([](const Tensor& x) { return x - x; }, {1, kOverflow}),
              HasSubstr("first: sub gives nan"));
}

TEST(Numerics, LetsPassWhatNoResultGoesBackTo) {
  const auto masked = [](const Tensor& x) { return softmax(where(x > 0.0, x, -kOverflow)); };
  EXPECT_THAT(said_of(masked, {1, -1, 2, -3}), IsEmpty());
  EXPECT_THAT(said_of([](const Tensor& x) { return where(x > 0.0, log(x), 0.0); }, {1, 0, -2}), IsEmpty());
  EXPECT_THAT(said_of([](const Tensor& x) { return 1.0 / exp(x); }, {1, 200}), IsEmpty());
  EXPECT_THAT(said_of([](const Tensor& x) { return exp(x + -kOverflow); }, {1, 2}), IsEmpty());
  EXPECT_THAT(said_of([](const Tensor& x) { return cast(is_finite(x), i32); }, {kNoNumber, 2}), IsEmpty());
}

// Others' infinities do not hide the one that counts: of masked scores one is a NaN already.
TEST(Numerics, TellsApartWhatStandsInOneTensor) {
  const int line = this_line() + 2;
  const auto weights = [](const Tensor& x) {
    const Tensor scores = sqrt(x);
    return softmax(where(arange(4) < 3, scores, -kOverflow));
  };
  const std::string said = said_of(weights, {1, -4, 2, 3});
  EXPECT_THAT(said,
              HasSubstr(fmt::format("first: sqrt gives nan at [1] of f32[4] (numerics_test.cc:{})", line)));
  EXPECT_THAT(said, Not(HasSubstr("then")));
}

TEST(Numerics, FollowsTermsAndMoves) {
  const auto rows = [](const std::function<Tensor(const Tensor&)>& f) {
    return said_of({{"x", f32, {2, 3}}},
                   [&](const Inputs& in) -> Outputs {
                     return {{"y", f(log(in["x"]))}};
                   },
                   {{"x", Array::from<float>({1, 2, 3, 4, 0, 6}, {2, 3})}});
  };
  const auto names_it = HasSubstr("first: log gives -inf at [1,1] of f32[2,3]");
  EXPECT_THAT(rows([](const Tensor& x) { return sum(x, 0); }), names_it);
  EXPECT_THAT(rows([](const Tensor& x) { return min(x, 1); }), names_it);
  EXPECT_THAT(rows([](const Tensor& x) { return cumsum(x, 1); }), names_it);
  EXPECT_THAT(rows([](const Tensor& x) { return sort(x).values; }), names_it);
  EXPECT_THAT(rows([](const Tensor& x) { return matmul(x, transpose(x, {1, 0})); }), names_it);
  EXPECT_THAT(rows([](const Tensor& x) {
                return concat({pad(x, {1, 0}, {0, 1}), ones({3, 4})}, 0);
              }),
              names_it);
  EXPECT_THAT(rows([](const Tensor& x) { return top_k(-x, 1).values; }), names_it);
  EXPECT_THAT(rows([](const Tensor& x) { return max(x, 1); }), IsEmpty());
  EXPECT_THAT(rows([](const Tensor& x) { return slice(x, 0, 0, 1); }), IsEmpty());
}

TEST(Numerics, SaysWhichStepOfAScan) {
  const int line = this_line() + 4;
  const auto running = [](const Tensor& x) {
    return scan({zeros({})}, {x},
                [](const std::vector<Tensor>& carries, const std::vector<Tensor>& inputs) -> ScanStep {
                  const Tensor next = carries[0] + sqrt(inputs[0]);
                  return {{next}, {next}};
                })
        .outputs[0];
  };
  EXPECT_EQ(said_of(running, {1, 4, -9, 16}),
            fmt::format("f: output 'y' is not finite: nan at position [2] in call 0 of seed 0\n"
                        "  first: sqrt gives nan at [] of f32[] (numerics_test.cc:{})\n"
                        "    in step 2 of the scan over 'f.scan0' (numerics_test.cc:{})\n"
                        "    operand 0 (x): f32[] from -9 to -9",
                        line, line - 2));
}

TEST(Numerics, NamesTheOpOfAComposite) {
  EXPECT_THAT(said_of([](const Tensor& x) { return acosh(x); }, {1, 0}), HasSubstr("of acosh gives nan"));
}

TEST(Numerics, IsOfStateThatIsWritten) {
  const std::string said = said_by_all([](const std::string& device) {
    nn::Module root;
    nn::Buffer total{root, "total", {2}};
    Program program;
    program.add("add", {{"x", f32, {2}}}, [&](const Inputs& in) -> Outputs {
      total.assign(total + exp(in["x"]));
      return {};
    });
    program.compile({.device = device, .check_numerics = true});
    program.run("add", {{"x", list({0, 0})}});
    const std::string what = message_of([&] { program.run("add", {{"x", list({0, 100})}}); });
    EXPECT_EQ(program.state("total").values<float>()[1], 1);
    EXPECT_EQ(program.step(), 1u);
    return what;
  });
  EXPECT_THAT(said, HasSubstr("add: state 'total' is not finite: inf at position [1] in step 1 of seed 0\n"
                              "  first: exp gives inf at [1] of f32[2] "));
}

TEST(Numerics, IsOfWhatIsCheckedToBeFinite) {
  const auto checked = [](const Tensor& x) { return where(is_finite(check_finite(log(x), "score")), x, x); };
  EXPECT_THAT(said_of(checked, {1, 0}),
              HasSubstr("f: score is not finite: -inf at position [1] in call 0 of seed 0\n"
                        "  first: log gives -inf at [1] of f32[2] "));
}

// The reference sums in f64, one term after the other; kernels sum in f32, and side by side.
TEST(Numerics, SaysWhereRoundingOfTheDeviceIsToBlame) {
  std::vector<float> x(4096, 1e38f);
  std::fill(x.begin() + 2048, x.end(), -1e38f);
  for (const char* device : {"cpu", "vulkan"}) {
    Program program;
    program.add("f", {{"x", f32, {4096}}}, [](const Inputs& in) -> Outputs { return {{"y", sum(in["x"])}}; });
    program.compile({.device = device, .check_numerics = true});
    EXPECT_THAT(
        message_of([&] {
          program.run("f", {{"x", list(x)}});
        }),
        ::testing::AllOf(HasSubstr("f: output 'y' is not finite: "),
                         HasSubstr(" in call 0 of seed 0; op by op, as it is written, the reference "
                                   "finds all results finite there, so no op can be named: the kernels "
                                   "of the device round and add in another order")))
        << device;
  }
}

// Without it passes are the same as ever, and nothing of a program can fault.
TEST(Numerics, CostNothingWhereTheyAreNotChecked) {
  FourLayers model(Planted::logarithm, 2);
  SGD optimizer({.learning_rate = 0.1});
  Program program;
  program.add("f", {{"x", f32, {kRows, kWidth}}}, [&](const Inputs& in) -> Outputs {
    return {{"loss", optimizer.minimize(mean(model(in["x"]))).loss}};
  });
  program.compile({.device = "reference"});
  const graph::Module module = graph::parse(program.text("f"), "f.sg");
  for (const char* name : {"cpu", "vulkan"}) {
    const auto device = backends::open_device(name);
    std::vector<std::string> without, with;
    for (const auto& call : passes::pipeline(device->target(), {})) without.push_back(call.text);
    for (const auto& call : passes::pipeline(device->target(), {.check_numerics = true}))
      with.push_back(call.text);
    EXPECT_EQ(std::erase(with, "check_numerics"), 1u);
    EXPECT_EQ(with, without);
    EXPECT_THAT(lower_function(module, "f", *device).faults, IsEmpty());
    EXPECT_EQ(lower_function(module, "f", *device, {.check_numerics = true}).faults.size(), 9u);
  }
}

TEST(Numerics, NamesTheOpInWhatIsComputedAgain) {
  const int line = this_line() + 3;
  const std::string said = said_of(
      [](const Tensor& x) {
        const Tensor y = checkpoint([](const Tensor& z) { return sqrt(z) * z; }, x);
        return grad(sum(y), {x})[0];
      },
      {1, -4});
  EXPECT_THAT(said, HasSubstr(fmt::format("nan at [1] of f32[2] (numerics_test.cc:{})", line)));
}

TEST(Numerics, OfACallThatReadsWhatLiesOnTheDevice) {
  Program program;
  program.add("f", {{"x", f32, {3}}}, [](const Inputs& in) -> Outputs { return {{"y", log(in["x"])}}; });
  program.compile({.device = "vulkan", .check_numerics = true});
  Function f = program.function("f");
  f.bind("x", program.upload(list({1, 0, 2})));
  f.start();
  EXPECT_THAT(message_of([&] { f.wait(); }), HasSubstr("    operand 0 (x): f32[3] from 0 to 2"));
  EXPECT_EQ(program.check().disagreement, "");
}

}  // namespace
}  // namespace sinter
