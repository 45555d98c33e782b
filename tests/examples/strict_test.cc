#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include "examples/attention_classifier/model.h"
#include "examples/char_model/trainer.h"
#include "examples/image_classifier/model.h"
#include "tests/examples/trained.h"
#include "tests/tools/program.h"

// Nothing of the examples falls back.
namespace sinter {
namespace {

class StrictExamples : public ProgramTest, public testing::WithParamInterface<const char*> {};

TEST_P(StrictExamples, TrainTheAttentionClassifier) {
  const attention_classifier::SmallTraining small;
  const attention_classifier::AttentionClassifier model(small.model);
  AdamW optimizer({.learning_rate = 1e-3});
  Program program;
  attention_classifier::add_train(program, model, optimizer);
  attention_classifier::add_evaluate(program, model);
  EXPECT_NO_THROW(program.compile({.device = GetParam(), .dims = {{"batch", 32}}, .strict = true}));
}

TEST_P(StrictExamples, TrainTheCharacterModel) {
  char_model::TrainingOptions options;
  options.folder = path("run");
  options.compile = {.device = GetParam(), .strict = true};
  std::u32string text;
  for (char32_t i = 0; i < 2000; ++i) text += U"a quick brown fox "[i * i % 18];
  char_model::ModelOptions model;
  model.characters = char_model::Vocabulary(text).size();
  EXPECT_NO_THROW(char_model::Trainer(model, options, text));
}

TEST_P(StrictExamples, TrainTheImageClassifier) {
  image_classifier::Classifier model({1, 8, 8}, 10);
  AdamW optimizer({.learning_rate = 1e-3});
  Program program;
  program.add("train", {{"pixels", f32, {32, 1, 8, 8}}, {"labels", i32, {32}}},
              [&](const Inputs& in) -> Outputs {
                const Tensor loss = cross_entropy(model(in["pixels"]), in["labels"]);
                return {{"loss", optimizer.minimize(loss).loss}};
              },
              {.training = true});
  EXPECT_NO_THROW(program.compile({.device = GetParam(), .strict = true}));
}

INSTANTIATE_TEST_SUITE_P(Devices, StrictExamples, testing::Values("cpu", "vulkan"));

}  // namespace
}  // namespace sinter
