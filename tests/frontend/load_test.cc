#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <numeric>

#include "ir/graph/text/text.h"
#include "runtime/safetensors.h"
#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// What Program::load takes from a file, and what it says of it.
namespace sinter {
namespace {

using testing::ElementsAre;

struct LoadedModel : nn::Module {
  nn::Linear hidden{*this, "hidden", 3, 2};
  nn::Linear classes{*this, "classes", 2, 2};
  Tensor operator()(const Tensor& x) { return classes(hidden(x)); }
};

// A model, with what it is trained by where `optimizer` is given.
struct Loaded {
  LoadedModel model;
  Program program;

  explicit Loaded(Optimizer* optimizer = nullptr) {
    program.add("predict", {{"x", f32, {1, 3}}}, [this](const Inputs& in) -> Outputs {
      return {{"y", model(in["x"])}};
    });
    if (optimizer != nullptr) {
      program.add("train", {{"x", f32, {1, 3}}},
                  [this, optimizer](const Inputs& in) -> Outputs {
                    return {{"loss", optimizer->minimize(sum(model(in["x"]))).loss}};
                  },
                  {.training = true});
    }
    program.compile({.device = "reference"});
  }
};

class Load : public testing::Test {
 protected:
  ~Load() override { std::remove(path_.c_str()); }

  // Tensors that count on from one to the next, in the order of their names.
  void write(const std::map<std::string, Shape>& tensors, std::map<std::string, std::string> metadata = {}) {
    runtime::SafetensorsFile file;
    float next = 1;
    for (const auto& [name, shape] : tensors) {
      runtime::HostTensor tensor(runtime::DType::f32, shape);
      for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<float>()[i] = next++;
      file.tensors.emplace(name, tensor);
    }
    file.metadata = std::move(metadata);
    runtime::write_safetensors(path_, file);
  }

  std::string message(Program& program, const LoadOptions& options = {}) const {
    return message_of([&] { program.load(path_, options); });
  }

  const std::string path_ = testing::TempDir() + "load_test.safetensors";
};

std::vector<std::string> loaded(const LoadReport& report) {
  std::vector<std::string> pairs;
  for (const auto& [state, tensor] : report.loaded) pairs.push_back(state + " = " + tensor);
  return pairs;
}

TEST_F(Load, TakesWeightsIntoAProgramThatTrains) {
  Loaded saved;
  saved.program.save(path_);
  AdamW adam({.learning_rate = 0.1});
  Loaded trains(&adam);
  trains.program.function("train").run();
  EXPECT_EQ(
      message(trains.program),
      path_ +
          ": states 'adamw.step', 'adamw.first_moment.hidden.weight', 'adamw.second_moment.hidden.weight', "
          "'adamw.first_moment.hidden.bias' and 5 more are missing");
  const Array moment = trains.program.state("adamw.first_moment.classes.weight");
  const LoadReport report = trains.program.load(path_, {.ignore_missing = true});
  EXPECT_THAT(loaded(report), ElementsAre("hidden.weight = hidden.weight", "hidden.bias = hidden.bias",
                                          "classes.weight = classes.weight", "classes.bias = classes.bias"));
  EXPECT_EQ(report.missing.size(), 9u);
  EXPECT_THAT(report.unknown, ElementsAre());
  EXPECT_EQ(floats(trains.program.state("hidden.weight")), floats(saved.program.state("hidden.weight")));
  EXPECT_EQ(floats(trains.program.state("adamw.first_moment.classes.weight")), floats(moment));
  EXPECT_EQ(trains.program.step(), 0u);
}

TEST_F(Load, PassesOverWhatTheProgramHasNot) {
  SGD sgd({.learning_rate = 0.1});
  Loaded trained(&sgd), predicts;
  trained.program.function("train").run();
  trained.program.save(path_);
  EXPECT_EQ(message(predicts.program), path_ + ": the program has no state 'sgd.step'");
  const LoadReport report = predicts.program.load(path_, {.ignore_unknown = true});
  EXPECT_EQ(report.loaded.size(), 4u);
  EXPECT_THAT(report.unknown, ElementsAre("sgd.step"));
  EXPECT_EQ(floats(predicts.program.state("hidden.bias")), floats(trained.program.state("hidden.bias")));
  EXPECT_EQ(predicts.program.step(), 1u);
}

TEST_F(Load, MapsNamesAndTransposes) {
  write({{"0.bias", {2}}, {"0.weight", {2, 3}}, {"net.1.bias", {2}}, {"net.1.weight", {2, 2}}});
  Loaded model;
  EXPECT_EQ(message(model.program),
            path_ +
                ": states 'hidden.weight', 'hidden.bias', 'classes.weight', 'classes.bias' are missing, and "
                "the program has no states '0.bias', '0.weight', 'net.1.bias', 'net.1.weight'");
  const LoadReport report = model.program.load(path_, {.names = {{"0.weight", "hidden.weight", {1, 0}},
                                                                 {"0.*", "hidden.*"},
                                                                 {"*.1.weight", "classes.weight", {1, 0}},
                                                                 {"*.1.*", "classes.bias"}}});
  EXPECT_THAT(loaded(report), ElementsAre("hidden.weight = 0.weight", "hidden.bias = 0.bias",
                                          "classes.weight = net.1.weight", "classes.bias = net.1.bias"));
  EXPECT_THAT(floats(model.program.state("hidden.bias")), ElementsAre(1, 2));
  EXPECT_THAT(floats(model.program.state("hidden.weight")), ElementsAre(3, 6, 4, 7, 5, 8));
  EXPECT_THAT(floats(model.program.state("classes.bias")), ElementsAre(9, 10));
  EXPECT_THAT(floats(model.program.state("classes.weight")), ElementsAre(11, 13, 12, 14));
}

TEST_F(Load, StarsStandForTheFewestCharacters) {
  nn::Module root;
  nn::Module outer(root, "a"), inner(outer, "b_c");
  nn::Parameter weight(inner, "d", {2, 3, 4}, Initializer::zeros());
  Program program;
  program.add("f", {}, [&](const Inputs&) -> Outputs { return {{"y", weight}}; });
  program.compile({.device = "reference"});
  write({{"a.b.c.x.d", {4, 2, 3}}});
  // The stars stand for "a", "b" and "c.x".
  const LoadReport report = program.load(path_, {.names = {{"*.*.*.d", "*.*_c.d", {1, 2, 0}}}});
  EXPECT_THAT(loaded(report), ElementsAre("a.b_c.d = a.b.c.x.d"));
  const std::vector<float> values = floats(program.state("a.b_c.d"));
  // Element [i,j,k] is [k,i,j] of the file's 1, 2, ...
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t k = 0; k < 4; ++k)
        EXPECT_EQ(values[static_cast<size_t>((i * 3 + j) * 4 + k)],
                  static_cast<float>(1 + (k * 2 + i) * 3 + j));
  EXPECT_EQ(message(program, {.names = {{"a*d*d", "a.b_c.d"}}}),
            path_ + ": state 'a.b_c.d' is missing, and the program has no state 'a.b.c.x.d'");
}

TEST_F(Load, ChangesNothingWhereItThrows) {
  Loaded model;
  model.program.set_step(3);
  const std::map<std::string, Shape> good = {
      {"classes.bias", {2}}, {"classes.weight", {2, 2}}, {"hidden.bias", {2}}, {"hidden.weight", {3, 2}}};
  const std::vector<float> before = floats(model.program.state("classes.bias"));
  std::map<std::string, Shape> tensors = good;
  tensors["hidden.weight"] = {2, 3};
  write(tensors, {{"step", "7"}});
  EXPECT_EQ(message(model.program), path_ + ": state 'hidden.weight' is f32[3,2], got f32[2,3]");
  EXPECT_EQ(message(model.program, {.names = {{"hidden.bias", "hidden.bias", {1, 0}}}}),
            path_ + ": state 'hidden.bias': f32[2] has not the 2 axes of its transpose");
  EXPECT_EQ(
      message(model.program, {.names = {{"c*.weight", "hidden.weight", {1, 0}}}}),
      path_ + ": state 'hidden.weight' is f32[3,2], got f32[2,2] as 'classes.weight', which is transposed");
  tensors = good;
  tensors["same.bias"] = {2};
  write(tensors, {{"step", "7"}});
  EXPECT_EQ(message(model.program, {.names = {{"same.*", "hidden.*"}}}),
            path_ + ": tensors 'hidden.bias' and 'same.bias' are both state 'hidden.bias'");
  write(good, {{"step", "7 "}});
  EXPECT_EQ(message(model.program), path_ + ": '7 ' is no step");
  EXPECT_EQ(message(model.program, {.names = {{"a.*", "b.*.*"}}}), "load: 'b.*.*' has more '*' than 'a.*'");
  EXPECT_EQ(message(model.program, {.names = {{"a.*", "b.*", {0, 2}}}}),
            "load: transpose of 'a.*' names each axis once: {1, 0}");
  EXPECT_EQ(floats(model.program.state("classes.bias")), before);
  EXPECT_EQ(model.program.step(), 3u);
  // A file that names no step leaves it.
  write(good);
  model.program.load(path_);
  EXPECT_THAT(floats(model.program.state("classes.bias")), ElementsAre(1, 2));
  EXPECT_EQ(model.program.step(), 3u);
}

TEST_F(Load, SplitsWhatIsSeveralStates) {
  nn::Module root;
  nn::Parameter wide(root, "wide", {2, 2}, Initializer::zeros()),
      narrow(root, "narrow", {2, 1}, Initializer::zeros());
  Program program;
  program.add("f", {}, [&](const Inputs&) -> Outputs {
    const Tensor first = sum(wide);
    return {{"y", first + sum(narrow)}};
  });
  program.compile({.device = "reference"});
  const auto split = [](std::vector<int64_t> transpose, int64_t axis) {
    return LoadOptions{.names = {{"fused", {"wide", "narrow"}, std::move(transpose), axis}}};
  };
  write({{"fused", {2, 3}}});  // 1 2 3, 4 5 6
  const LoadReport report = program.load(path_, split({}, 1));
  EXPECT_THAT(loaded(report), ElementsAre("wide = fused", "narrow = fused"));
  EXPECT_THAT(floats(program.state("wide")), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(floats(program.state("narrow")), ElementsAre(3, 6));
  EXPECT_EQ(message(program, split({}, 0)),
            path_ + ": tensor 'fused', f32[2,3], has 2 along axis 0, its states 'wide', 'narrow' have 4");
  EXPECT_EQ(message(program, split({}, 2)),
            path_ + ": tensor 'fused', f32[2,3], has 0 along axis 2, its states 'wide', 'narrow' have 0");
  EXPECT_EQ(message(program, split({}, -1)), "load: axis of 'fused' must not be negative, got -1");
  EXPECT_EQ(message(program, {.names = {{"fused", {"wide", "else"}}}}),
            path_ + ": states 'wide', 'narrow' are missing, and the program has no state 'fused'");
  EXPECT_EQ(message(program, {.names = {{"fused", LoadStates(std::initializer_list<std::string>{})}}}),
            "load: 'fused' is no state");
  write({{"fused", {3, 2}}});
  program.load(path_, split({1, 0}, 0));
  EXPECT_THAT(floats(program.state("wide")), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(floats(program.state("narrow")), ElementsAre(5, 6));
}

TEST_F(Load, PassesOverWhatHasAnotherShape) {
  write({{"classes.bias", {3}}, {"classes.weight", {2, 3}}, {"hidden.bias", {2}}, {"hidden.weight", {3, 2}}},
        {{"made by", "a test"}});
  Loaded model;
  const std::vector<float> before = floats(model.program.state("classes.bias"));
  const LoadReport report = model.program.load(path_, {.ignore_mismatched = true});
  EXPECT_THAT(loaded(report), ElementsAre("hidden.weight = hidden.weight", "hidden.bias = hidden.bias"));
  EXPECT_THAT(report.missing, ElementsAre());
  ASSERT_EQ(report.mismatched.size(), 2u);
  EXPECT_EQ(report.mismatched[0].state, "classes.bias");
  EXPECT_EQ(report.mismatched[1].tensor, "classes.weight");
  EXPECT_EQ(report.mismatched[1].what, "state 'classes.weight' is f32[2,2], got f32[2,3]");
  EXPECT_EQ(report.metadata.at("made by"), "a test");
  EXPECT_EQ(floats(model.program.state("classes.bias")), before);
}

TEST_F(Load, WidensHalves) {
  runtime::SafetensorsFile file;
  for (const auto& [name, shape] : std::map<std::string, Shape>{{"classes.bias", {2}},
                                                                {"classes.weight", {2, 2}},
                                                                {"hidden.bias", {2}},
                                                                {"hidden.weight", {3, 2}}}) {
    runtime::HostTensor tensor(runtime::DType::bf16, shape);
    for (int64_t i = 0; i < tensor.size(); ++i) static_cast<uint16_t*>(tensor.raw())[i] = 0xc040;  // -3
    file.tensors.emplace(name, tensor);
  }
  runtime::write_safetensors(path_, file);
  Loaded model;
  model.program.load(path_, {.names = {{"hidden.weight", "hidden.weight"}}});
  EXPECT_THAT(floats(model.program.state("classes.weight")), testing::Each(-3.f));
}

TEST_F(Load, NamesMayBeginWithADigit) {
  nn::Module root;
  const nn::Linear first(root, "0", 3, 2), second(root, "2b", 2, 1);
  for (const char* device : {"reference", "cpu", "vulkan"}) {
    Program program;
    program.add("f", {{"x", f32, {1, 3}}}, [&](const Inputs& in) -> Outputs {
      return {{"y", second(first(in["x"]))}};
    });
    program.compile({.device = device});
    write({{"0.bias", {2}}, {"0.weight", {3, 2}}, {"2b.bias", {1}}, {"2b.weight", {2, 1}}});
    program.load(path_);
    // x = [1, 1, 1]: [3 + 5 + 7 + 1, 4 + 6 + 8 + 2] = [16, 20]; 16 * 10 + 20 * 11 + 9.
    const Arrays inputs = {{"x", Array::from<float>({1, 1, 1}, {1, 3})}};
    EXPECT_THAT(floats(program.run("f", inputs).at("y")), ElementsAre(389)) << device;
    EXPECT_EQ(program.check().disagreement, "") << device;
    const std::string text = program.text("f");
    EXPECT_EQ(graph::print(graph::parse(text, "text"), {.locations = true}), text);
  }
}

}  // namespace
}  // namespace sinter
