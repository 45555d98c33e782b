#include <gmock/gmock.h>

#include <filesystem>
#include <sstream>

#include "examples/char_model/text.h"
#include "examples/support/utf8.h"
#include "tests/tools/program.h"

namespace char_model {
namespace {

using sinter::ProgramResult;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kSmall = "--context 16 --layers 2 --heads 2 --width 16 --batch 4 --dropout 0.1 ";

class CharModelProgram : public sinter::ProgramTest {
 protected:
  ProgramResult run(const std::string& arguments) const { return ProgramTest::run("char_model", arguments); }
  ProgramResult train(const std::string& arguments) const { return run("train " + (kSmall + arguments)); }
  void expect_failure(const std::string& arguments, const std::string& message) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_EQ(result.err, "char_model: " + message + "\n") << arguments;
  }
  std::string written(const std::string& arguments) const {
    const ProgramResult result = run("generate --load run --prompt 'When I ' " + arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }
  std::string bytes_of(const std::string& name) const { return sinter::runtime::read_file(path(name)); }
};

TEST_F(CharModelProgram, LearnsTheSonnetsAndWritesOn) {
  const ProgramResult result = train("--steps 60 --every 20 --save run --metrics metrics.csv");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(StartsWith("ten sonnets: "), HasSubstr("step    60  loss "),
                                HasSubstr("validation loss ")));
  std::istringstream lines(bytes_of("metrics.csv"));
  std::string line;
  std::vector<std::string> all;
  while (std::getline(lines, line)) all.push_back(line);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], "step,loss,validation_loss");

  // Longer than the context, so that it is moved on.
  const std::string text = written("--length 40 --seed 3");
  EXPECT_THAT(text, StartsWith("When I "));
  EXPECT_EQ(text.size(), 7 + 40 + 1);
  EXPECT_EQ(text, written("--length 40 --seed 3"));
  EXPECT_NE(text, written("--length 40 --seed 4"));
  EXPECT_EQ(written("--length 40 --seed 3 --top-k 5"), written("--length 40 --seed 3 --top-k 5 --no-cache"));
  EXPECT_EQ(written("--length 40 --top-p 0.7"), written("--length 40 --top-p 0.7 --no-cache"));
  EXPECT_EQ(written("--length 40 --temperature 0 --seed 1"), written("--length 40 --top-k 1 --seed 2"));
  EXPECT_EQ(text, written("--length 40 --seed 3 --device reference"));
}

TEST_F(CharModelProgram, GoesOnBitForBit) {
  ASSERT_EQ(train("--steps 60 --every 20 --save whole").status, 0);
  ASSERT_EQ(train("--steps 60 --every 20 --save run").status, 0);
  // As if it had been stopped after step 40, of which the state is left.
  ASSERT_EQ(train("--steps 60 --every 40 --save run").status, 0);
  std::filesystem::remove(path("run/step-0000000060.safetensors"));
  const ProgramResult result = train("--steps 60 --every 20 --save run --resume");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("goes on from step 40 to 60"));
  EXPECT_EQ(bytes_of("run/step-0000000060.safetensors"), bytes_of("whole/step-0000000060.safetensors"));
}

// A finished run goes on with the rate of a longer one, and that one bit for bit, of which it has the steps.
TEST_F(CharModelProgram, TrainsAFinishedRunFurther) {
  ASSERT_EQ(train("--steps 20 --every 20 --save run").status, 0);
  const ProgramResult finished = train("--save run --steps 20 --resume");
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("has all 20 steps; with more --steps it is trained further\n"));
  std::filesystem::copy(path("run"), path("whole"), std::filesystem::copy_options::recursive);
  ASSERT_EQ(train("--steps 60 --every 20 --save whole --resume").status, 0);
  const ProgramResult longer = train("--steps 60 --every 40 --save run --resume");
  ASSERT_EQ(longer.status, 0) << longer.err;
  EXPECT_THAT(longer.out, AllOf(HasSubstr("goes on from step 20 to 60\n"), HasSubstr("step    60  loss ")));
  std::filesystem::remove(path("run/step-0000000060.safetensors"));
  const ProgramResult resumed = train("--every 20 --save run --resume");
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("goes on from step 40 to 60\n"));
  EXPECT_EQ(bytes_of("run/step-0000000060.safetensors"), bytes_of("whole/step-0000000060.safetensors"));
  expect_failure(std::string("train ") + kSmall + "--steps 59 --save run --resume",
                 "run/step-0000000060.safetensors: has 60 steps already, 59 are asked for in all");
}

TEST_F(CharModelProgram, GoesOverMicroBatches) {
  ASSERT_EQ(train("--steps 20 --save whole --metrics whole.csv").status, 0);
  ASSERT_EQ(train("--steps 20 --save parts --metrics parts.csv --micro-batches 2").status, 0);
  const auto loss = [&](const std::string& name) {
    return std::stod(bytes_of(name).substr(bytes_of(name).rfind(',') + 1));
  };
  EXPECT_NEAR(loss("whole.csv"), loss("parts.csv"), 1e-4);
}

TEST_F(CharModelProgram, SaysWhatIsWrong) {
  write("short.txt", "a b");
  write("bytes.txt", std::string(200, '\xff'));
  expect_failure("train --text short.txt",
                 "short.txt: a text of at least 100 characters is needed, its length is 3");
  expect_failure("train --text bytes.txt", "bytes.txt: is no text in UTF-8");
  expect_failure("train --save none --resume", "none has no checkpoint to resume");
  ASSERT_EQ(train("--steps 1 --save run").status, 0);
  expect_failure(
      "train --save run --resume --steps 1",
      "run/step-0000000001.safetensors: its context is '16', now it would be '64'; it goes on as it began");
  expect_failure("generate --load run --prompt 'an \xc3\xa9'",
                 "the model knows no '\xc3\xa9'; it was trained on 55 characters: " +
                     Vocabulary(examples::decode_utf8(default_text())).text());
  const ProgramResult negative = run("train --seed -1");
  EXPECT_EQ(negative.status, 2);
  EXPECT_THAT(negative.err,
              HasSubstr("--seed: expected a whole number from 0 to 18446744073709551615, got '-1'"));
  expect_failure("generate --load run --prompt ''", "--prompt: has no character to write on from");
  expect_failure("generate --load short.txt",
                 "short.txt: damaged safetensors file: 3 bytes hold no header length");
}

}  // namespace
}  // namespace char_model
