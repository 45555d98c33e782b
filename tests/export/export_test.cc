#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <span>
#include <utility>

#include "tests/export/exports.h"
#include "tests/export/model.h"
#include "tests/support/message_of.h"

// Exported programs against the same ones compiled in the process.
namespace sinter::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int kSteps = 200;

const std::vector<DimSizes>& both_sizes() {
  static const std::vector<DimSizes> sizes = {{{"batch", Tagger::kBatch}}, {{"batch", 1}}};
  return sizes;
}

ExportOptions as_tagger(const std::string& target = "") {
  return {
      .name = "tagger", .functions = {"predict", "noise", "train"}, .dims = both_sizes(), .target = target};
}

class Exports : public ExportTest {
 protected:
  // What train.c writes, from the program that it was exported from.
  struct Expected {
    std::string losses, state, scores, scores_of_one, noise;
  };
  Expected expected(Program& program) const {
    Expected result;
    Drawn drawn;
    Function train = program.function("train");
    for (int step = 0; step < kSteps; ++step) {
      drawn.fill(train);
      train.run();
      result.losses += bytes_of(train.output<float>("loss"));
    }
    program.save(path("expected.safetensors"));
    result.state = bytes("expected.safetensors");
    const auto words = train.input<int32_t>("words");
    Array all(i32, {Tagger::kBatch, Tagger::kWords}), one(i32, {1, Tagger::kWords});
    std::ranges::copy(words, all.values<int32_t>().begin());
    std::ranges::copy(words.first(Tagger::kWords), one.values<int32_t>().begin());
    const auto scores = [&](const Array& of) {
      return bytes_of(
          std::as_const(program.run("predict", {{"words", of}}, {{"batch", of.shape()[0]}}).at("scores"))
              .values<float>());
    };
    result.scores = scores(all);
    result.scores_of_one = scores(one);
    for (int i = 0; i < 3; ++i)
      result.noise = bytes_of(std::as_const(program.run("noise", {}).at("noise")).values<float>());
    return result;
  }

  void expect_same(const Expected& expected) const {
    EXPECT_TRUE(bytes("losses") == expected.losses);
    EXPECT_TRUE(bytes("trained.safetensors") == expected.state);
    EXPECT_TRUE(bytes("scores") == expected.scores);
    EXPECT_TRUE(bytes("scores_of_one") == expected.scores_of_one);
    EXPECT_TRUE(bytes("noise") == expected.noise);
  }
};

// For the target that the program is compiled for, which this machine has to be able to run.
class ExportsFor : public Exports, public testing::WithParamInterface<const char*> {};

TEST_P(ExportsFor, GivesTheBitsOfTheProgram) {
  const std::string target = GetParam();
  Tagger tagger({.target = target, .threads = 2, .seed = 5});
  tagger.program.export_to(path(""), as_tagger());
  if (const std::string lacks = message_of([&] { tagger.program.function("train").run(); });
      lacks.starts_with("compiled for")) {
    GTEST_SKIP() << lacks;
  }
  tagger.program.load(path("tagger.safetensors"));
  const Expected right = expected(tagger.program);
  for (const bool as_cxx : {false, true}) {
    build("train", "train.c", "tagger.o", as_cxx);
    for (const std::string threads : {"1", "2", "5"}) {
      SCOPED_TRACE(threads + (as_cxx ? " threads, C++" : " threads, C"));
      EXPECT_EQ(shell(fmt::format("./train {} {}", kSteps, threads)), threads == "1" ? "0\n" : "1\n");
      expect_same(right);
    }
  }
  // What was saved goes on in the program.
  tagger.program.load(path("trained.safetensors"));
  EXPECT_EQ(tagger.program.step(), kSteps);
}

INSTANTIATE_TEST_SUITE_P(Targets, ExportsFor,
                         testing::Values("native", "x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"),
                         [](const auto& target) {
                           std::string name = target.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(Exports, AnswerMistakesByAStatus) {
  Tagger tagger({.threads = 2});
  tagger.program.export_to(path(""), as_tagger());
  build("faults", "faults.c", "tagger.o");
  EXPECT_EQ(shell("./faults"), "all as it should be\n");
}

TEST_F(Exports, LeaveOpenAndGiveWhatTheHeaderSays) {
  Tagger tagger;
  tagger.program.export_to(path(""), as_tagger("x86-64-v3"));
  EXPECT_THAT(symbols("tagger.o", "undefined-only"), ElementsAre("memcmp", "memcpy", "memset"));
  EXPECT_THAT(bytes("tagger.h"), HasSubstr("   The code needs memcmp, memcpy, memset of libc.\n"));
  EXPECT_THAT(symbols("tagger.o", "extern-only --defined-only"),
              ElementsAre("tagger_check_state", "tagger_clear_state", "tagger_noise",
                          "tagger_predict_batch_1", "tagger_predict_batch_16", "tagger_states",
                          "tagger_train_batch_1", "tagger_train_batch_16"));
}

TEST_F(Exports, LieInOneProgramTogether) {
  Tagger tagger;
  tagger.program.export_to(path(""), as_tagger());
  Program other;
  other.add("sums", {{"x", f32, {2, 3}}}, [](const Inputs& in) -> Outputs {
    return {{"double", sum(in["x"], {0}) * 2}};  // a word of C
  });
  other.compile();
  other.export_to(path(""), {.name = "other"});
  EXPECT_FALSE(std::filesystem::exists(path("other.safetensors")));
  EXPECT_THAT(bytes("other.h"),
              HasSubstr("int other_sums(other_context* context, const float* x, float* double_);"));
  build("two", "two.c", "tagger.o other.o");
  EXPECT_EQ(shell("./two"), "0 10 14 18\n");
}

TEST_F(Exports, InferWhileTheirStateIsSwapped) {
  Tagger tagger;
  tagger.program.export_to(path(""), {.name = "tagger", .functions = {"predict"}, .dims = {{{"batch", 1}}}});
  build("serve", "serve.c", "tagger.o");
  EXPECT_EQ(shell("./serve"), "no answer of two states\n");
  // What the program itself does is watched; what is in the object takes no lock, as it knows of none.
  build("serve", "serve.c", "tagger.o", false, "-g -fsanitize=thread");
  EXPECT_EQ(shell("./serve"), "no answer of two states\n");
}

// The state of those functions alone: no moments.
TEST_F(Exports, HaveTheStateThatTheirFunctionsUse) {
  Tagger tagger;
  tagger.program.export_to(path(""), {.name = "all"});
  tagger.program.export_to(path(""), {.name = "predict", .functions = {"predict"}});
  EXPECT_LT(2 * std::filesystem::file_size(path("predict.safetensors")),
            std::filesystem::file_size(path("all.safetensors")));
  EXPECT_THAT(bytes("predict.h"), testing::AllOf(HasSubstr("embedding.weight"), Not(HasSubstr("moment"))));
}

TEST_F(Exports, ThatCannotBeAreRefused) {
  Tagger tagger;
  const auto refused = [&](const ExportOptions& options) {
    return message_of([&] { tagger.program.export_to(path("out"), options); });
  };
  EXPECT_EQ(refused({.name = "a-b"}), "'a-b' does not name an export: letters, digits and '_' do");
  EXPECT_EQ(refused({.name = "a", .functions = {"generate"}}),
            "no function is called 'generate'; functions are 'train', 'predict', 'noise'");
  EXPECT_EQ(refused({.name = "a", .dims = {{{"time", 3}}}}), "export_to: no input has a 'time'");
  EXPECT_EQ(refused({.name = "a", .dims = {{{"batch", -3}}}}), "export_to: 'batch' is -3");
  EXPECT_EQ(refused({.name = "a", .target = "aarch65"}),
            "unknown target 'aarch65': expected native or something like aarch64");
  EXPECT_FALSE(std::filesystem::exists(path("out")));
  Program body;
  body.add("body", {}, [](const Inputs&) -> Outputs { return {{"x", random_normal({2})}}; });
  EXPECT_EQ(message_of([&] { body.export_to(path("out"), {.name = "a"}); }),
            "export_to: compile the program first");
  body.compile();
  EXPECT_EQ(message_of([&] { body.export_to(path("out"), {.name = "a"}); }),
            "function 'body' cannot be exported under this name: there is another a_body");
  nn::Module root;
  nn::Cache count{root, "count", {}, Initializer::zeros(), i32};
  Program session;
  session.add("next", {}, [&](const Inputs&) -> Outputs {
    count.assign(count + 1);
    return {{"count", count.read()}};
  });
  session.compile();
  EXPECT_EQ(message_of([&] { session.export_to(path("out"), {.name = "a"}); }),
            "export_to: 'next' uses 'count', which is of sessions: such functions are not exported");
}

TEST_F(Exports, AreOfDevicesWhoseCodeNeedsNoSinter) {
  Program program;
  program.add("f", {}, [](const Inputs&) -> Outputs { return {{"x", random_normal({2})}}; });
  program.compile({.device = "reference"});
  EXPECT_EQ(message_of([&] { program.export_to(path("out"), {.name = "a"}); }),
            "'a' cannot be exported: what this device runs needs Sinter");
}

}  // namespace
}  // namespace sinter::test
