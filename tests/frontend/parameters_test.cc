#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <source_location>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// Which parameters are trained, by whom, and what gradients are with respect to.
namespace sinter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two models of one number each.
struct Pair {
  nn::Module first{"first"}, second{"second"};
  nn::Parameter a{first, "a", {}, Initializer::constant(2)};
  nn::Parameter b{second, "b", {}, Initializer::constant(3)};
};

float number(const Program& program, const char* name) {
  return program.state(name).item<float>();
}

std::string traced(const std::function<void()>& body) {
  return message_of([&] {
    evaluate([&] {
      body();
      return zeros({});
    });
  });
}

// a' = a - 0.1 (2 (a - 1) + b) = 1.5; then of a' b for b alone, b' = b - 0.1 a' = 2.85.
TEST(Minimize, TrainsItsOwnParametersByWhatTheLossReads) {
  Pair pair;
  SGD first({.learning_rate = 0.1, .name = "first_sgd"}),
      second({.learning_rate = 0.1, .name = "second_sgd"});
  Program program;
  program.add("train", {}, [&](const Inputs&) -> Outputs {
    const Tensor loss = square(pair.a - 1) + pair.a * stop_gradient(pair.b);
    const Update update = first.minimize(loss, {.parameters = pair.first});
    return {{"first", update.loss},
            {"second", second.minimize(pair.a * pair.b, {.parameters = pair.second}).loss}};
  });
  program.compile({.device = "reference"});
  const Arrays losses = program.run("train", {});
  EXPECT_FLOAT_EQ(losses.at("first").item<float>(), 7);
  EXPECT_FLOAT_EQ(losses.at("second").item<float>(), 4.5f);  // a' b
  EXPECT_FLOAT_EQ(number(program, "first.a"), 1.5f);
  EXPECT_FLOAT_EQ(number(program, "second.b"), 2.85f);
}

struct Net : nn::Module {
  Net(std::string name, int64_t in, int64_t out)
      : Module(std::move(name)), a(*this, "a", in, 16), b(*this, "b", 16, out) {}
  nn::Linear a, b;
  Tensor operator()(const Tensor& x) { return b(relu(a(x))); }
};

// As in the loop of an adversarial pair: the second loss reads a discriminator that AdamW has just updated.
TEST(Minimize, TakesTurnsInOneFunction) {
  for (const char* device : {"reference", "cpu"}) {
    Net generator("generator", 4, 2), discriminator("discriminator", 2, 1);
    AdamW of_generator({.name = "of_generator"}), of_discriminator({.name = "of_discriminator"});
    Program program;
    program.add("train", {{"real", f32, {8, 2}}},
                [&](const Inputs& in) -> Outputs {
                  const Tensor fake = generator(random_normal({8, 4}));
                  const Tensor loss = binary_cross_entropy(discriminator(in["real"]), ones({8, 1})) +
                                      binary_cross_entropy(discriminator(stop_gradient(fake)), zeros({8, 1}));
                  const Tensor shown = of_discriminator.minimize(loss, {.parameters = discriminator}).loss;
                  const Tensor fooled = binary_cross_entropy(discriminator(fake), ones({8, 1}));
                  return {{"d", shown}, {"g", of_generator.minimize(fooled, {.parameters = generator}).loss}};
                },
                {.training = true});
    program.compile({.device = device, .threads = 1, .seed = 3});
    const std::vector<float> before = floats(program.state("generator.a.weight"));
    for (int i = 0; i < 5; ++i) {
      const Arrays losses = program.run("train", {{"real", Array(f32, {8, 2})}});
      EXPECT_TRUE(std::isfinite(losses.at("d").item<float>()));
      EXPECT_TRUE(std::isfinite(losses.at("g").item<float>()));
    }
    EXPECT_NE(floats(program.state("generator.a.weight")), before);
    for (const TensorInfo& info : program.states()) {
      EXPECT_FALSE(info.name.starts_with("of_generator.first_moment.discriminator")) << info.name;
    }
  }
}

std::string here(int line) {
  return "parameters_test.cc:" + std::to_string(line);
}

TEST(Minimize, UpdatesAParameterOnce) {
  Pair pair;
  SGD first({.name = "one"}), second({.name = "two"});
  int line = 0;
  const std::string again = traced([&] {
    line = __LINE__ + 1;
    first.minimize(square(pair.a));
    second.minimize(square(pair.a));
  });
  EXPECT_EQ(again, "minimize: 'first.a' is updated a second time, first at " + here(line) +
                       ", in one; .parameters tells an optimiser which are its own (" + here(line + 1) +
                       ", in two)");
  const std::string twice = traced([&] {
    line = __LINE__ + 1;
    first.minimize(square(pair.a));
    first.minimize(square(pair.b), {.parameters = pair.second});
  });
  EXPECT_EQ(twice, "minimize: 'one' updates once in a function, first at " + here(line) + ", in one (" +
                       here(line + 1) + ", in one)");
}

TEST(Minimize, RefusesALossOfTwoValuesOfOneParameter) {
  Pair pair;
  SGD first({.name = "one"}), second({.name = "two"});
  int line = 0;
  const std::string message = traced([&] {
    line = __LINE__ + 1;
    const Tensor before = pair.a * 2;
    first.minimize(square(pair.a), {.parameters = pair.first});
    const Tensor after = pair.a * 3;
    second.minimize((before + after) * pair.b, {.parameters = pair.second});
  });
  EXPECT_EQ(message, "minimize: the loss reads 'first.a' both before an update (" + here(line) +
                         ") and after it (" + here(line + 2) + ") (" + here(line + 3) + ", in two)");
  // What no gradient goes through is not read.
  EXPECT_EQ(traced([&] {
              const Tensor before = pair.a * 2;
              first.minimize(square(pair.a), {.parameters = pair.first});
              second.minimize((stop_gradient(before) + pair.a) * pair.b, {.parameters = pair.second});
            }),
            "");
}

TEST(Gradients, EndAtAnAssignedValue) {
  Pair pair;
  EXPECT_THAT(evaluate_floats([&] {
                pair.a.assign(pair.a * pair.b);  // 6
                const Tensor loss = square(pair.a) + pair.b;
                const std::vector<Tensor> slopes = grad(loss, Parameters({pair.first, pair.second}));
                return stack({loss, slopes[0], slopes[1]});
              }),
              ElementsAre(39, 12, 1));
}

// In a loop the captured value is found, too.
TEST(Gradients, OfParametersInsideAScan) {
  Pair pair;
  EXPECT_THAT(evaluate_floats([&] {
                const ScanStep walk =
                    scan({ones({})}, {},
                         [&](const auto& carries, const auto&) -> ScanStep {
                           return {{carries[0] * pair.a}, {grad(square(pair.a), pair.first)[0]}};
                         },
                         {.length = 3});
                const Tensor last = walk.carries[0];  // a^3
                return concat({reshape(grad(last, pair.first)[0], {1}), walk.outputs[0]}, 0);
              }),
              ElementsAre(12, 4, 4, 4));
}

TEST(Gradients, OfParametersThatTheLossDoesNotReadAreZero) {
  Pair pair;
  EXPECT_THAT(
      evaluate_floats([&] {
        const std::vector<Tensor> slopes = grad(square(pair.a), Parameters({pair.second, pair.first}));
        return stack(slopes);
      }),
      ElementsAre(0, 4));
}

TEST(Parameters, ComeFromModulesListsAndPredicates) {
  Net net("net", 4, 2), other("other", 4, 2);
  const auto paths = [](const Parameters& parameters) {
    std::vector<std::string> result;
    for (const Variable* parameter : parameters.all()) result.push_back(parameter->path());
    return result;
  };
  EXPECT_THAT(paths(net), ElementsAre("net.a.weight", "net.a.bias", "net.b.weight", "net.b.bias"));
  const auto is_weight = [](const Variable& parameter) { return parameter.path().ends_with("weight"); };
  EXPECT_THAT(paths({net, is_weight}), ElementsAre("net.a.weight", "net.b.weight"));
  EXPECT_THAT(paths(net.b.parameters()), ElementsAre("net.b.weight", "net.b.bias"));
  EXPECT_THAT(paths(std::vector<const Variable*>{&net.a.weight}), ElementsAre("net.a.weight"));
  EXPECT_THAT(paths({net.b, other.a, net.b}),
              ElementsAre("net.b.weight", "net.b.bias", "other.a.weight", "other.a.bias"));
  EXPECT_FALSE(Parameters().given());
  EXPECT_TRUE(Parameters(nn::Module()).given());
  EXPECT_THAT(message_of([] { const Parameters none(std::vector<nn::Parameter*>{nullptr}); }),
              HasSubstr("Parameters: one of the list is null (parameters_test.cc:"));
  nn::BatchNorm norm(net, "norm", 2);
  EXPECT_THAT(message_of([&] { const Parameters wrong(std::vector<const Variable*>{&norm.running_mean}); }),
              HasSubstr("Parameters: 'net.norm.running_mean' is no parameter (parameters_test.cc:"));
}

TEST(Parameters, AreFrozenAndUnfrozen) {
  Net net("net", 4, 2);
  freeze({net, [](const Variable& parameter) { return parameter.path().starts_with("net.a."); }});
  EXPECT_FALSE(net.a.weight.trainable());
  EXPECT_TRUE(net.b.weight.trainable());
  unfreeze(net);
  EXPECT_TRUE(net.a.weight.trainable());
}

TEST(Minimize, NeedsOneOfTheParametersItWasGiven) {
  Pair pair;
  SGD optimizer;
  const std::string none = "minimize: no trainable one of the parameters is used so far";
  EXPECT_THAT(traced([&] { optimizer.minimize(square(pair.a), {.parameters = pair.second}); }),
              HasSubstr(none));
  EXPECT_THAT(traced([&] { optimizer.minimize(square(pair.a), {.parameters = nn::Module()}); }),
              HasSubstr(none));
  pair.a.freeze();
  EXPECT_THAT(traced([&] { optimizer.minimize(square(pair.a), {.parameters = pair.first}); }),
              HasSubstr(none));
}

// a = 2 - 0.01 * 10, b frozen.
TEST(Apply, TakesParametersAndLeavesFrozenOnes) {
  Pair pair;
  SGD optimizer;
  pair.b.freeze();
  Program program;
  program.add("train", {}, [&](const Inputs&) -> Outputs {
    const Parameters both({pair.first, pair.second});
    return {{"rate", optimizer.apply(both, {full({}, 10), full({}, 10)})}};
  });
  program.add("look", {}, [&](const Inputs&) -> Outputs { return {{"sum", pair.a + pair.b}}; });
  program.compile({.device = "reference"});
  program.run("train", {});
  EXPECT_FLOAT_EQ(program.run("look", {}).at("sum").item<float>(), 1.9f + 3);
}

struct Training {
  Pair pair;
  SGD optimizer{{.learning_rate = 0.5}};
  Program program;

  Training() {
    const Dim n("n");
    program.add("train", {{"x", f32, {n}}}, [this](const Inputs& in) -> Outputs {
      const Tensor loss = sum(in["x"]) * pair.a * pair.b;
      return {{"loss", optimizer.minimize(loss, {.parameters = pair.first}).loss}};
    });
    program.add("predict", {{"x", f32, {n}}}, [this](const Inputs& in) -> Outputs {
      return {{"y", in["x"] * pair.a * pair.b}};
    });
    program.compile({.device = "reference", .dims = {{"n", 2}}});
  }
  std::string run(const char* name, int64_t n) {
    return message_of([&] { program.run(name, {{"x", Array(f32, {n})}}, {{"n", n}}); });
  }
};

TEST(Program, KeepsToWhatCouldBeTrainedWhenItWasCompiled) {
  Training training;
  Function step = training.program.function("train");
  EXPECT_EQ(training.run("train", 2), "");
  training.pair.a.freeze();
  const std::string changed =
      "'first.a' was trainable when the program was compiled, and is frozen now; compile another program for "
      "that";
  EXPECT_EQ(message_of([&] { step.run(); }), "train: " + changed);
  EXPECT_EQ(training.run("train", 2), "train: " + changed);
  EXPECT_EQ(training.run("train", 3), "train.n_3: " + changed);
  EXPECT_EQ(training.run("predict", 2), "");
  EXPECT_EQ(training.run("predict", 3), "");
  EXPECT_EQ(training.program.step(), 1u);
  training.pair.a.unfreeze();
  EXPECT_EQ(training.run("train", 2), "");
  EXPECT_EQ(training.run("train", 3), "");
  // What is not the optimiser's may change.
  training.pair.b.freeze();
  EXPECT_EQ(training.run("train", 2), "");
  EXPECT_EQ(training.run("train", 4), "");
}

TEST(Program, AnotherMayBeCompiledForOtherParameters) {
  Training training;
  training.pair.a.freeze();
  training.pair.b.freeze();
  EXPECT_THAT(message_of([&] {
                Program program;
                program.add("train", {}, [&](const Inputs&) -> Outputs {
                  return {{"loss", training.optimizer.minimize(training.pair.a * training.pair.b).loss}};
                });
                program.compile({.device = "reference"});
              }),
              HasSubstr("minimize: the loss is made from no trainable parameter"));
  training.pair.b.unfreeze();
  Program program;
  program.add("train", {}, [&](const Inputs&) -> Outputs {
    return {{"loss", training.optimizer.minimize(training.pair.a * training.pair.b).loss}};
  });
  program.compile({.device = "reference"});
  program.run("train", {});
  EXPECT_FLOAT_EQ(number(program, "first.a"), 2);
  EXPECT_FLOAT_EQ(number(program, "second.b"), 2);  // 3 - 0.5 * 2
}

TEST(Explain, NamesWhatNoOptimiserWasGiven) {
  Training training;
  EXPECT_THAT(training.program.explain("train"),
              testing::EndsWith("no optimiser was given the trainable 'second.b'\n"));
  EXPECT_THAT(training.program.explain("predict"), HasSubstr("the trainable 'second.b'"));
  Pair pair;
  Program reading;
  reading.add("predict", {}, [&](const Inputs&) -> Outputs { return {{"y", pair.a + pair.b}}; });
  reading.compile({.device = "reference"});
  EXPECT_THAT(reading.explain("predict"), testing::Not(HasSubstr("optimiser")));
}

TEST(Compile, RefusesWhatCannotBeMeant) {
  const auto said = [](const CompileOptions& options) {
    Program program;
    program.add("f", {{"x", f32, {Dim("n"), 2}}}, [](const Inputs& in) -> Outputs {
      return {{"y", in["x"]}};
    });
    return message_of([&] { program.compile(options); });
  };
  const std::string place = " (parameters_test.cc:";
  EXPECT_THAT(said({.threads = -1}), HasSubstr("compile: threads must be in [0,1024], got -1" + place));
  EXPECT_THAT(said({.target = "abacus"}), HasSubstr("unknown target 'abacus': expected native or one of "));
  EXPECT_THAT(
      said({.device = "reference", .target = "generic"}),
      HasSubstr("device 'reference' compiles only for itself: target must be 'native', got 'generic'"));
  EXPECT_THAT(said({.threads = 10000}), HasSubstr("compile: threads must be in [0,1024], got 10000" + place));
  EXPECT_THAT(said({.dims = {{"n", 4}, {"batchsize", 8}}}),
              HasSubstr("compile: no input has a 'batchsize'" + place));
  EXPECT_THAT(said({.dims = {{"n", -4}}}), HasSubstr("compile: 'n' must be at least 0, got -4" + place));
}

}  // namespace
}  // namespace sinter
