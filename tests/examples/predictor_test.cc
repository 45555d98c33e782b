#include "examples/attention_classifier/predictor.h"

#include <gmock/gmock.h>

#include <numeric>

#include "runtime/error.h"
#include "tests/examples/trained.h"
#include "tests/support/message_of.h"

namespace attention_classifier {
namespace {

using testing::Each;
using testing::FloatNear;
using testing::HasSubstr;

Predictor make_predictor() {
  const SmallTraining training;
  const Trainer trainer = training.make();
  const Checkpoint checkpoint =
      make_checkpoint(trainer.program(), training.model, training.vocabulary, "run");
  return Predictor("", checkpoint, {.device = "reference"});
}

TEST(Predictor, AttendsToWordsAndNotToPadding) {
  const std::vector<std::string> words = {"run", "and", "dream"};
  const Stages stages = make_predictor().run(words)[0];
  EXPECT_EQ(stages.words[2], "dream");
  EXPECT_EQ(stages.words[3], kPadding);
  ASSERT_EQ(stages.weights.size(), 400u);
  for (size_t row = 0; row < 40; ++row) {
    const std::span<const float> weights = std::span(stages.weights).subspan(row * 10, 10);
    EXPECT_NEAR(std::reduce(weights.begin(), weights.begin() + 3), 1, 1e-6);
    EXPECT_THAT(weights.subspan(3), Each(0.0f));
  }
  ASSERT_EQ(stages.probabilities.size(), 50u);
  for (size_t word = 0; word < 10; ++word) {
    const auto begin = stages.probabilities.begin() + static_cast<std::ptrdiff_t>(word * 5);
    EXPECT_NEAR(std::reduce(begin, begin + 5), 1, 1e-6);
  }
  for (const auto* values : {&stages.embeddings, &stages.contexts, &stages.transformed}) {
    EXPECT_EQ(values->size(), 640u);
  }
}

TEST(Predictor, CutsALongSentence) {
  const std::vector<std::string> words(23, "run");
  const std::vector<Stages> windows = make_predictor().run(words);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_THAT(windows[1].words, Each("run"));
  EXPECT_EQ(windows[0].probabilities, windows[1].probabilities);
  EXPECT_EQ(windows[2].words[2], "run");
  EXPECT_EQ(windows[2].words[3], kPadding);
}

TEST(Predictor, RefusesASentenceWithoutWords) {
  Predictor predictor = make_predictor();
  EXPECT_EQ(sinter::message_of([&] { predictor.run({}); }), "the sentence has no words");
}

TEST(Predictor, DescribesEveryStageWithItsShape) {
  const Stages stages = make_predictor().run(std::vector<std::string>{"run", "and", "dream"})[0];
  const std::string text = describe_stages(stages);
  for (const char* heading :
       {"1. embeddings  f32[1,10,64]", "2. attention weights  f32[1,4,10,10]", "head 4 of 4",
        "3. context vectors  f32[1,10,64]", "4. feed-forward output  f32[1,10,64]",
        "5. class probabilities  f32[1,10,5]", "(pad)", "▶"}) {
    EXPECT_THAT(text, HasSubstr(heading));
  }
  EXPECT_THAT(describe_classes(stages), HasSubstr("dream"));
  EXPECT_THAT(describe_classes(stages), testing::Not(HasSubstr("(pad)")));
}

}  // namespace
}  // namespace attention_classifier
