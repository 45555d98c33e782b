#include <gmock/gmock.h>

#include <filesystem>

#include "examples/attention_classifier/generated_language.h"
#include "tests/tools/program.h"

namespace attention_classifier {
namespace {

using sinter::ProgramResult;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Any part of speech of the class.
std::string part_of_speech(WordClass word_class) {
  constexpr std::array<const char*, kClassCount> kNames = {"NOUN", "VERB", "ADJ", "DET", "PUNCT"};
  return kNames[static_cast<size_t>(word_class)];
}

std::string to_conllu(const std::vector<Sentence>& sentences) {
  std::string text;
  for (const Sentence& sentence : sentences) {
    int id = 0;
    for (const Word& word : sentence) {
      text += std::to_string(++id) + "\t" + word.text + "\t_\t" + part_of_speech(word.word_class) +
              "\t_\t_\t_\t_\t_\t_\n";
    }
    text += "\n";
  }
  return text;
}

class AttentionClassifierProgram : public sinter::ProgramTest {
 protected:
  AttentionClassifierProgram() {
    const GeneratedLanguage language = generate_language(1, 400, 40);
    write("train.conllu", to_conllu(language.train));
    write("dev.conllu", to_conllu(language.dev));
  }

  ProgramResult run(const std::string& arguments) const {
    return ProgramTest::run("attention_classifier", arguments);
  }
  // On the files made above.
  ProgramResult train(const std::string& arguments) const {
    return run("train --train train.conllu --dev dev.conllu " + arguments);
  }
  void expect_failure(const std::string& arguments, const std::string& message) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_EQ(result.err, "attention_classifier: " + message + "\n") << arguments;
  }
  void expect_usage_error(const std::string& arguments, const std::string& message) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 2) << arguments;
    EXPECT_EQ(result.out, "") << arguments;
    EXPECT_EQ(result.err, "attention_classifier: " + message + "\nRun with --help for more information.\n");
  }
  bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
  // The metrics of a run, without the times.
  std::string metrics_of(const std::string& arguments) const {
    EXPECT_EQ(train(arguments + " --metrics metrics.csv").status, 0) << arguments;
    std::string metrics, line;
    std::istringstream lines(sinter::runtime::read_file(path("metrics.csv")));
    while (std::getline(lines, line)) metrics += line.substr(0, line.rfind(',')) + "\n";
    return metrics;
  }
};

TEST_F(AttentionClassifierProgram, TrainsSavesAndPredicts) {
  const ProgramResult trained = train("--epochs 2 --save model.safetensors");
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_EQ(trained.err, "");
  EXPECT_THAT(trained.out, AllOf(HasSubstr("400 windows to train on, 40 to measure on"),
                                 HasSubstr("epoch  1  loss "), HasSubstr("epoch  2  loss "),
                                 HasSubstr("── loss (left)"), HasSubstr("saved model.safetensors")));
  const ProgramResult example = run("predict --load model.safetensors");
  ASSERT_EQ(example.status, 0) << example.err;
  EXPECT_THAT(example.out, AllOf(HasSubstr("1. embeddings"), HasSubstr("head 4 of 4"),
                                 HasSubstr("5. class probabilities"), Not(HasSubstr("(pad)"))));
  EXPECT_EQ(run("predict --load model.safetensors").out, example.out);
  const ProgramResult sentence = run("predict --load model.safetensors --sentence 'Run, walk and dream!'");
  EXPECT_THAT(sentence.out, AllOf(HasSubstr("dream"), HasSubstr("(pad)")));
  EXPECT_EQ(run("predict --load model.safetensors --sentence a > /dev/full 2> err; echo $?").out, "1\n");
}

TEST_F(AttentionClassifierProgram, GivesTheSameMetricsForAnyNumberOfThreads) {
  const std::string one = metrics_of("--epochs 2 --threads 1");
  EXPECT_THAT(one, StartsWith("epoch,loss,train_accuracy,dev_accuracy\n1,"));
  EXPECT_EQ(metrics_of("--epochs 2 --threads 1"), one);
  EXPECT_EQ(metrics_of("--epochs 2 --threads 2"), one);
  EXPECT_EQ(metrics_of("--epochs 2 --threads 3"), one);
}

TEST_F(AttentionClassifierProgram, ProfilesItsKernels) {
  const ProgramResult result = train("--epochs 1 --batch 8 --profile --trace trace.json");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("train: attention at attention"));
  EXPECT_THAT(result.out, HasSubstr("model.cc:"));
  EXPECT_THAT(sinter::runtime::read_file(path("trace.json")), HasSubstr("traceEvents"));
}

TEST_F(AttentionClassifierProgram, WritesForTensorBoard) {
  ASSERT_EQ(train("--epochs 1 --tensorboard runs/first").status, 0);
  std::string bytes;
  for (const auto& file : std::filesystem::directory_iterator(path("runs/first")))
    bytes += sinter::runtime::read_file(file.path().string());
  for (const char* measure :
       {"loss", "learning_rate", "accuracy/train", "accuracy/dev", "windows_per_second"})
    EXPECT_THAT(bytes, HasSubstr(measure));
  expect_failure("train --tensorboard train.conllu",
                 "cannot make the directory train.conllu: Not a directory");
}

TEST_F(AttentionClassifierProgram, ExplainsMistakesInItsArguments) {
  expect_usage_error("", "A subcommand is required");
  expect_usage_error("train --heads 5", "--heads: expected a number that divides 64, got '5'");
  expect_usage_error("train --heads 0", "--heads: expected a number that divides 64, got '0'");
  expect_usage_error("train --epochs 0", "--epochs: expected a whole number from 1 to 2147483647, got '0'");
  expect_usage_error("train --epochs -1", "--epochs: expected a whole number from 1 to 2147483647, got '-1'");
  expect_usage_error("train --epochs 1.5",
                     "--epochs: expected a whole number from 1 to 2147483647, got '1.5'");
  expect_usage_error("train --batch 0", "--batch: expected a whole number from 1 to 2147483647, got '0'");
  expect_usage_error("train --batch 3000000000",
                     "--batch: expected a whole number from 1 to 2147483647, got '3000000000'");
  expect_usage_error("train --seed -1",
                     "--seed: expected a whole number from 0 to 18446744073709551615, got '-1'");
  expect_usage_error("train --threads 0", "--threads: expected a whole number from 1 to 1024, got '0'");
  expect_usage_error("train --learning-rate 0", "--learning-rate: expected a number above 0, got '0'");
  expect_usage_error("train --learning-rate nan", "--learning-rate: expected a number above 0, got 'nan'");
  expect_usage_error("train --features some", "--features: expected all or word, got 'some'");
  expect_usage_error("train --fuse maybe", "--fuse: expected off or on, got 'maybe'");
  expect_usage_error("train --save ''", "--save: expected a path");
  expect_usage_error("train --train train.conllu", "--train requires --dev");
  expect_usage_error("train --bogus", "The following argument was not expected: --bogus");
  expect_usage_error("predict", "--load is required");
  EXPECT_EQ(run("--help").status, 0);
  EXPECT_EQ(run("train --help").status, 0);
}

TEST_F(AttentionClassifierProgram, ExplainsWhatIsWrongWithItsData) {
  write("bad.conllu", "1\tthe\t_\tDET\t_\t_\t_\t_\t_\t_\n2\tlonely\n");
  write("empty.conllu", "# nothing\n");
  expect_failure("train --train none --dev dev.conllu", "cannot read none: No such file or directory");
  expect_failure("train --train bad.conllu --dev dev.conllu",
                 "bad.conllu:2: expected 10 tab-separated columns, got 2");
  expect_failure("train --train train.conllu --dev empty.conllu", "empty.conllu: no sentences");
  expect_failure("train --train train.conllu --dev dev.conllu --batch 401",
                 "the training data does not fill one batch of 401: it has 400 windows of 10 words");
  const ProgramResult device = train("--device abacus");
  EXPECT_EQ(device.status, 1);
  EXPECT_THAT(device.err, StartsWith("attention_classifier: unknown device 'abacus': expected one of "));
}

TEST_F(AttentionClassifierProgram, RefusesOutputsItCannotWriteBeforeItTrains) {
  expect_failure("train --save missing/model", "cannot write missing/model: No such file or directory");
  expect_failure("train --metrics missing/csv", "cannot write missing/csv: No such file or directory");
  expect_failure("train --save same --metrics same", "--save and --metrics name the same file");
  expect_failure("train --metrics same --trace ./other --save ./other",
                 "--save and --trace name the same file");
  EXPECT_FALSE(exists("same"));
  EXPECT_FALSE(exists("other"));
}

TEST_F(AttentionClassifierProgram, WritesNothingWhereTrainingFails) {
  const ProgramResult result = train("--learning-rate 1e20 --save model --metrics csv");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, StartsWith("attention_classifier: step 2 of epoch 1: loss is not finite: "));
  EXPECT_FALSE(exists("model"));
  EXPECT_FALSE(exists("csv"));
}

TEST_F(AttentionClassifierProgram, ExplainsWhatIsWrongWithAModel) {
  write("garbage", "garbage!!!");
  expect_failure("predict --load none", "cannot read none: No such file or directory");
  const ProgramResult garbage = run("predict --load garbage");
  EXPECT_EQ(garbage.status, 1);
  EXPECT_THAT(garbage.err, StartsWith("attention_classifier: garbage: damaged safetensors file: "));
}

}  // namespace
}  // namespace attention_classifier
