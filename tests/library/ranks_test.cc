#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/tensor.h"
#include "tests/support/message_of.h"
#include "tests/support/on_ranks.h"
#include "tests/support/staging.h"

// Programs that several ranks share, threads here. That they come to the same is in micro_batches_test.cc.
namespace sinter {
namespace {

using testing::_;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using Ranks = std::shared_ptr<Communicator>;

constexpr int64_t kRows = 8, kWidth = 6;
const Dim kBatch{"batch"};

struct Model : nn::Module {
  nn::Embedding words{*this, "words", 9, kWidth};
  nn::Linear hidden{*this, "hidden", kWidth, 5};
  nn::Linear classes{*this, "classes", 5, 3};

  Tensor operator()(const Tensor& ids) { return classes(dropout(tanh(hidden(words(ids))), 0.3)); }
};

struct Trained {
  Model model;
  AdamW optimizer;
  Program program;

  explicit Trained(const Ranks& ranks, int64_t micro_batches = 4, double scale = 1,
                   const std::string& device = "cpu") {
    program.add("train", {{"ids", i32, {kBatch}}, {"labels", i32, {kBatch}}},
                [this, scale](const Inputs& in) -> Outputs {
                  const Tensor loss = scale * cross_entropy(model(in["ids"]), in["labels"]);
                  const Update update = optimizer.minimize(loss, {.clip_norm = 1.0, .check_finite = true});
                  return {{"loss", update.loss}, {"norm", update.gradient_norm}};
                },
                {.training = true, .micro_batches = micro_batches});
    program.add("predict", {{"ids", i32, {kBatch}}}, [this](const Inputs& in) -> Outputs {
      return {{"classes", argmax(model(in["ids"]), -1)}};
    });
    program.compile({.device = device, .seed = 5, .communicator = ranks});
  }

  void step(int32_t first = 1, int64_t rows = kRows) {
    std::vector<int32_t> ids, labels;
    for (int32_t i = 0; i < rows; ++i) {
      ids.push_back(i == 0 ? first : i % 9);
      labels.push_back(i % 3);
    }
    program.run("train", {{"ids", Array::from<int32_t>(ids, {rows})},
                          {"labels", Array::from<int32_t>(labels, {rows})}});
  }
};

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string temporary(const std::string& name) {
  return (std::filesystem::path(testing::TempDir()) / ("ranks_" + name)).string();
}

TEST(Ranks, KeepMomentsOnce) {
  constexpr int kRanks = 3;
  std::vector<int64_t> kept(kRanks);
  std::vector<std::string> elsewhere(kRanks);
  const auto thrown = test::on_ranks(kRanks, [&](const Ranks& ranks) {
    Trained trained(ranks);
    trained.step();
    for (const TensorInfo& state : trained.program.states()) {
      const std::string told = message_of([&] { trained.program.state(state.name); });
      const auto rank = static_cast<size_t>(ranks->rank());
      if (!told.empty()) {
        EXPECT_FALSE(state.trainable);
        elsewhere[rank] = told;
      } else if (!state.trainable && state.shape.size() > 0) {
        kept[rank] += element_count(state.shape);
      }
    }
  });
  EXPECT_THAT(thrown, Each(""));
  // Two moments of each parameter, 54 + 30 + 5 + 15 + 3 elements, and the largest are 54.
  EXPECT_EQ(kept[0] + kept[1] + kept[2], 2 * 107);
  EXPECT_THAT(kept, Each(testing::Le(2 * 54)));
  EXPECT_THAT(elsewhere, Each(testing::ContainsRegex(
                             "^state '.*' is kept by rank [0-2]; snapshot\\(\\) has that of all ranks$")));
}

TEST(Ranks, SaveWhatOneProcessSaves) {
  const std::string alone = temporary("alone"), shared = temporary("shared"), later = temporary("later");
  {
    Trained trained(nullptr);
    for (int i = 0; i < 4; ++i) {
      trained.step(i);
      if (i == 1) trained.program.save(alone + "2");
    }
    trained.program.save(alone);
  }
  EXPECT_THAT(test::on_ranks(3,
                             [&](const Ranks& ranks) {
                               Trained trained(ranks);
                               for (int i = 0; i < 2; ++i) trained.step(i);
                               trained.program.save(shared);
                             }),
              Each(""));
  EXPECT_EQ(bytes_of(shared), bytes_of(alone + "2"));
  // Another number of ranks goes on.
  EXPECT_THAT(test::on_ranks(2,
                             [&](const Ranks& ranks) {
                               Trained trained(ranks);
                               trained.program.load(shared);
                               for (int i = 2; i < 4; ++i) trained.step(i);
                               trained.program.save(later);
                             }),
              Each(""));
  EXPECT_EQ(bytes_of(later), bytes_of(alone));
  std::vector<std::string> told(2);
  EXPECT_THAT(test::on_ranks(2,
                             [&](const Ranks& ranks) {
                               const Trained trained(ranks);
                               told[static_cast<size_t>(ranks->rank())] =
                                   message_of([&] { trained.program.save("/no/such/place"); });
                             }),
              Each(""));
  EXPECT_THAT(told, Each("cannot write /no/such/place: No such file or directory"));
}

TEST(Ranks, PredictByThemselves) {
  EXPECT_THAT(test::on_ranks(2,
                             [&](const Ranks& ranks) {
                               Trained trained(ranks);
                               for (int i = 0; i < 3 * ranks->rank(); ++i)
                                 trained.program.run("predict", {{"ids", Array::from<int32_t>({1, 2}, {2})}});
                               trained.step();
                             }),
              Each(""));
}

class RanksOn : public testing::TestWithParam<std::string> {
 protected:
  std::string device() const { return device_.name(); }

 private:
  DeviceByParam device_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Devices, RanksOn, testing::Values("cpu", "vulkan", kStaging),
                         [](const auto& device) { return name_of_device(device.param); });

TEST_P(RanksOn, GoOnAfterAStepThatFails) {
  const std::string alone = temporary("fault_alone"), shared = temporary("fault");
  const auto train = [](Trained& trained) {
    trained.step();
    const std::string fault = message_of([&] { trained.step(9); });  // in the first micro-batch
    trained.step(2);
    return fault;
  };
  Trained one(nullptr, 4, 1, device());
  const std::string fault = train(one);
  EXPECT_THAT(fault, HasSubstr("index 9 at position [0] of 'ids' is outside [0,9)"));
  one.program.save(alone);
  for (const int count : {2, 3}) {
    std::vector<std::string> faults(static_cast<size_t>(count));
    EXPECT_THAT(test::on_ranks(count,
                               [&](const Ranks& ranks) {
                                 Trained trained(ranks, 4, 1, device());
                                 faults[static_cast<size_t>(ranks->rank())] = train(trained);
                                 trained.program.save(shared);
                               }),
                Each(""));
    EXPECT_THAT(faults, Each(fault));
    EXPECT_EQ(bytes_of(shared), bytes_of(alone));
  }
}

// A sum of 1.5e-38 and -1.4e-38, of different ranks, is a number or zero.
TEST_P(RanksOn, KeepDenormalsWhereTheDeviceDoes) {
  const auto train = [this](const Ranks& ranks) {
    nn::Module root;
    nn::Parameter weight(root, "weight", {1}, Initializer::zeros());
    SGD optimizer({.learning_rate = 1e35});
    Program program;
    program.add("train", {{"x", f32, {kBatch}}},
                [&](const Inputs& in) -> Outputs {
                  return {{"loss", optimizer.minimize(sum(in["x"] * weight)).loss}};
                },
                {.training = true, .micro_batches = 4});
    program.compile({.device = device(), .communicator = ranks});
    program.run("train", {{"x", Array::from<float>({1.5e-38f, 0, 0, 0, -1.4e-38f, 0, 0, 0}, {8})}});
    return program.state("weight").values<float>()[0];
  };
  const float alone = train(nullptr);
  EXPECT_THAT(alone, testing::AnyOf(0, testing::FloatNear(-1e-4f, 1e-6f)));
  for (const int count : {2, 3})
    EXPECT_THAT(test::on_ranks(count, [&](const Ranks& ranks) { EXPECT_EQ(train(ranks), alone); }), Each(""));
}

// Of the rank that has the row, while the others go on.
TEST_P(RanksOn, SayWhatFailsWhereAStepIsStarted) {
  const auto run = [this](const Ranks& ranks) {
    Trained trained(ranks, 4, 1, device());
    Function train = trained.program.function("train", {{"batch", kRows}});
    const auto step = [&](int32_t last) {
      for (int32_t i = 0; i < kRows; ++i) {
        train.input<int32_t>("ids")[static_cast<size_t>(i)] = i + 1 < kRows ? i : last;
        train.input<int32_t>("labels")[static_cast<size_t>(i)] = i % 3;
      }
      return message_of([&] {
        train.start();
        train.wait();
      });
    };
    std::vector<std::string> told = {step(1), step(-3), step(2)};
    told.push_back(std::to_string(train.value<float>("loss")));
    return told;
  };
  const std::vector<std::string> alone = run(nullptr);
  EXPECT_THAT(alone, ElementsAre("", HasSubstr("index -3 at position [1] of 'ids' is outside [0,9)"), "", _));
  for (const int count : {2, 3}) {
    EXPECT_THAT(test::on_ranks(count, [&](const Ranks& ranks) { EXPECT_EQ(run(ranks), alone); }), Each(""));
  }
}

// What a function's inputs have, in memory of the device that the host sees.
TEST_P(RanksOn, NoticeOtherDataOfAFunction) {
  EXPECT_THAT(test::on_ranks(3,
                             [&](const Ranks& ranks) {
                               Trained trained(ranks, 4, 1, device());
                               Function train = trained.program.function("train", {{"batch", kRows}});
                               train.run();
                               train.input<int32_t>("ids")[2] = ranks->rank() == 1 ? 4 : 5;
                               train.run();
                             }),
              Each(HasSubstr("rank 1 was given other data than the others")));
}

TEST_P(RanksOn, AreTimed) {
  const auto thrown = test::on_ranks(2, [&](const Ranks& ranks) {
    Trained trained(ranks, 4, 1, device());
    trained.program.start_profile();
    for (int i = 0; i < 3; ++i) trained.step();
    EXPECT_THAT(trained.program.profile(), AllOf(HasSubstr("3 calls"), HasSubstr("train.batch_8: ")));
  });
  EXPECT_THAT(thrown, Each(""));
}

TEST(Ranks, NeedAMicroBatchEach) {
  EXPECT_THAT(test::on_ranks(3, [](const Ranks& ranks) { Trained(ranks, 2); }),
              Each("train: 3 ranks share its micro-batches, and micro_batches is 2; make it 3 or more"));
  EXPECT_THAT(test::on_ranks(2, [](const Ranks& ranks) { Trained(ranks, 1); }),
              Each("train: 2 ranks share its micro-batches, and micro_batches is 1; make it 2 or more"));
  EXPECT_THAT(test::on_ranks(2, [](const Ranks& ranks) { Trained(ranks).step(1, 6); }),
              Each(HasSubstr("'batch' is 6, which micro_batches = 4 does not divide")));
}

TEST(Ranks, AreNotCheckedOrExportedByThemselves) {
  std::vector<std::string> checked(2), exported(2);
  EXPECT_THAT(test::on_ranks(2,
                             [&](const Ranks& ranks) {
                               Trained trained(ranks);
                               const auto rank = static_cast<size_t>(ranks->rank());
                               checked[rank] = message_of([&] { trained.program.check(); });
                               exported[rank] = message_of([&] {
                                 trained.program.export_to(
                                     temporary("export"),
                                     {.name = "model", .functions = {"train"}, .dims = {{{kBatch, kRows}}}});
                               });
                             }),
              Each(""));
  EXPECT_EQ(checked[1],
            "check: this is rank 1 of 2, whose part of a step is nothing by itself; compile without a "
            "communicator");
  EXPECT_THAT(exported[0],
              HasSubstr("is made for rank 0 of 2, and what is exported runs alone; export it from "
                        "a program without a communicator"));
}

TEST(Ranks, NoticeOtherPrograms) {
  EXPECT_THAT(
      test::on_ranks(2, [](const Ranks& ranks) { Trained(ranks, 4, ranks->rank() == 1 ? 2.0 : 1.0); }),
      Each("compile: rank 1 has another function 'train' than rank 0"));
}

TEST(Ranks, NoticeOtherData) {
  EXPECT_THAT(test::on_ranks(3,
                             [](const Ranks& ranks) {
                               Trained trained(ranks);
                               trained.step();
                               trained.step(ranks->rank() == 2 ? 3 : 1);
                             }),
              Each(HasSubstr("rank 2 was given other data than the others")));
}

TEST(Ranks, NoticeOtherSteps) {
  EXPECT_THAT(test::on_ranks(2,
                             [](const Ranks& ranks) {
                               Trained trained(ranks);
                               trained.program.set_step(ranks->rank() == 1 ? 3 : 0);
                               trained.step();
                             }),
              Each(HasSubstr("rank 1")));
}

}  // namespace
}  // namespace sinter
