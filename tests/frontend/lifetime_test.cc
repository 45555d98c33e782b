#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// Models and optimisers that are gone before their program.
namespace sinter {
namespace {

struct DroppingModel : nn::Module {
  nn::Linear hidden{*this, "hidden", 2, 3};
  nn::Dropout dropout{*this, "dropout", 0.5};
};

std::string gone(const std::string& variant, const std::string& path, const std::string& function) {
  return variant + ": '" + path + "' is gone, which '" + function +
         "' is made from; for sizes that are new it is made again, so models and optimisers must live as "
         "long as the "
         "program";
}

struct Lifetimes : testing::Test {
  std::unique_ptr<DroppingModel> model = std::make_unique<DroppingModel>();
  std::unique_ptr<AdamW> optimizer = std::make_unique<AdamW>();
  Dim batch{"batch"};
  Program program;

  void SetUp() override {
    const std::vector<Input> inputs = {{"x", f32, {batch, 2}}};
    program.add("predict", inputs, [this](const Inputs& in) -> Outputs {
      return {{"y", model->hidden(in["x"])}};
    });
    program.add("train", inputs, [this](const Inputs& in) -> Outputs {
      return {{"loss", optimizer->minimize(sum(model->hidden(in["x"]))).loss}};
    });
    program.add("thin", inputs, [this](const Inputs& in) -> Outputs {
      return {{"y", model->dropout(in["x"])}};
    });
    program.add("plain", inputs, [](const Inputs& in) -> Outputs { return {{"y", in["x"] * 2}}; });
    // A layer of the body itself is there whenever the body is.
    program.add("own", inputs, [](const Inputs& in) -> Outputs {
      nn::Module root("root");
      return {{"y", nn::Dropout(root, "dropout", 0.5)(in["x"])}};
    });
    program.compile({.device = "reference", .dims = {{"batch", 4}}});
  }
  std::string run(const std::string& function, int64_t size) {
    return message_of([&] { program.run(function, {{"x", Array(f32, {size, 2})}}, {{"batch", size}}); });
  }
};

TEST_F(Lifetimes, AModelThatIsGoneIsNamed) {
  EXPECT_EQ(run("predict", 5), "");
  model.reset();
  EXPECT_EQ(run("predict", 9), gone("predict.batch_9", "hidden", "predict"));
  EXPECT_EQ(run("train", 9), gone("train.batch_9", "hidden", "train"));
  EXPECT_EQ(run("thin", 9), gone("thin.batch_9", "dropout", "thin"));
  EXPECT_EQ(run("plain", 9), "");
  EXPECT_EQ(run("own", 9), "");
  for (const int64_t known : {4, 5}) EXPECT_EQ(run("predict", known), "");
  EXPECT_EQ(run("train", 4), "");
  EXPECT_EQ(program.states().size(), 7u);
}

TEST_F(Lifetimes, AnOptimizerThatIsGoneIsNamed) {
  optimizer.reset();
  EXPECT_THAT(run("train", 9), testing::StartsWith("train.batch_9: 'adamw."));
  EXPECT_EQ(run("train", 4), "");
  EXPECT_EQ(run("predict", 9), "");
}

TEST_F(Lifetimes, AnotherModelInItsPlaceIsNotIt) {
  model = std::make_unique<DroppingModel>();
  EXPECT_EQ(run("predict", 9), gone("predict.batch_9", "hidden", "predict"));
}

TEST(Lifetime, ALayerOfTheBodyItselfKeepsNoState) {
  Program program;
  program.add("f", {{"x", f32, {4, 2}}}, [](const Inputs& in) -> Outputs {
    nn::Module root;
    return {{"y", nn::Linear(root, "hidden", 2, 3)(in["x"])}};
  });
  EXPECT_EQ(message_of([&] { program.compile({.device = "reference"}); }),
            "f: state 'hidden.weight' is gone once the function is traced; make what it belongs to outside, "
            "to live as long "
            "as the program");
}

}  // namespace
}  // namespace sinter
