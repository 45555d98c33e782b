#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <regex>

#include "runtime/tensor.h"
#include "tests/library/figures.h"
#include "tests/support/message_of.h"
#include "tests/support/on_ranks.h"

// A step of several micro-batches gives what the step of the whole batch gives.
namespace sinter {
namespace {

constexpr int64_t kRows = 32, kTime = 3, kWidth = 5, kClasses = 4;
const Dim kBatch{"batch"};

struct Model : nn::Module {
  nn::Embedding words{*this, "words", 11, kWidth};
  nn::Linear hidden{*this, "hidden", kWidth, 7};
  nn::LayerNorm norm{*this, "norm", 7};
  nn::Dropout dropout{*this, "dropout", 0.4};
  nn::Linear classes{*this, "classes", 7, kClasses};
  SGD second{{.learning_rate = 0.2, .name = "second"}};

  Tensor operator()(const Tensor& ids) { return classes(dropout(norm(tanh(hidden(words(ids)))))); }
};

float number(int64_t i) {
  return static_cast<float>(std::sin(static_cast<double>(i) * 1.7 + 0.3));
}

Arrays example() {
  std::vector<int32_t> ids, labels;
  std::vector<float> weights, values;
  for (int64_t i = 0; i < kRows * kTime; ++i) {
    ids.push_back(static_cast<int32_t>(i * 7 % 11));
    // Rows of the first micro-batch have fewer labels than those of the last.
    labels.push_back(i % (2 + i / 24) == 0 ? -1 : static_cast<int32_t>(i * 5 % kClasses));
    weights.push_back(std::abs(number(i)));
  }
  for (int64_t i = 0; i < kRows * kWidth; ++i) values.push_back(number(i));
  return {{"ids", Array::from<int32_t>(ids, {kRows, kTime})},
          {"labels", Array::from<int32_t>(labels, {kRows, kTime})},
          {"weights", Array::from<float>(weights, {kRows, kTime})},
          {"values", Array::from<float>(values, {kRows, kWidth})}};
}

std::vector<Input> inputs() {
  return {{"ids", i32, {kBatch, kTime}},
          {"labels", i32, {kBatch, kTime}},
          {"weights", f32, {kBatch, kTime}},
          {"values", f32, {kBatch, kWidth}}};
}

using Step = std::function<Outputs(Model& model, Optimizer& optimizer, const Inputs& in)>;

// All that three steps give, and leave.
Arrays after_steps(const std::string& device, int64_t micro_batches, const Step& step,
                   const std::shared_ptr<Communicator>& communicator = nullptr) {
  Model model;
  SGD optimizer({.learning_rate = 0.5, .momentum = 0.9});
  Program program;
  program.add("train", inputs(), [&](const Inputs& in) { return step(model, optimizer, in); },
              {.training = true, .micro_batches = micro_batches});
  program.compile({.device = device, .seed = 3, .communicator = communicator});
  Arrays all;
  for (int i = 0; i < 3; ++i) {
    for (const auto& [name, value] : program.run("train", example())) all[name + std::to_string(i)] = value;
  }
  for (auto& [name, value] : program.snapshot().states) all["state " + name] = std::move(value);
  return all;
}

std::string bytes_of(const Array& array) {
  const runtime::HostTensor& host = array.host();
  return {static_cast<const char*>(host.raw()), host.bytes()};
}

// What several ranks make of the same micro-batches is the same, to the bit.
void expect_same_on_ranks(const std::string& device, const Arrays& alone, const Step& step) {
  const std::map<std::string, std::vector<int>> counts = {
      {"cpu", {2, 3, 4}}, {"reference", {3}}, {"vulkan", {3}}};
  for (const int ranks : counts.at(device)) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    std::vector<Arrays> all(static_cast<size_t>(ranks));
    const auto thrown = test::on_ranks(ranks, [&](const std::shared_ptr<Communicator>& communicator) {
      all[static_cast<size_t>(communicator->rank())] = after_steps(device, 4, step, communicator);
    });
    ASSERT_THAT(thrown, testing::Each(""));
    for (const Arrays& of_rank : all) {
      ASSERT_EQ(of_rank.size(), alone.size());
      for (const auto& [name, value] : alone) {
        EXPECT_EQ(bytes_of(of_rank.at(name)), bytes_of(value)) << name;
      }
    }
  }
}

void expect_same(const Step& step, int64_t most_on_reference = kRows) {
  const double tolerance = 2e-5;
  for (const std::string& device : kDevices) {
    const Arrays whole = after_steps(device, 1, step);
    // Of a single row, too, where that is no other function.
    for (const int64_t micro_batches :
         device == "reference" ? std::vector<int64_t>{4, most_on_reference} : std::vector<int64_t>{4}) {
      SCOPED_TRACE(device + ", " + std::to_string(micro_batches));
      const Arrays parts = after_steps(device, micro_batches, step);
      if (micro_batches == 4) expect_same_on_ranks(device, parts, step);
      ASSERT_EQ(whole.size(), parts.size());
      for (const auto& [name, value] : whole) {
        SCOPED_TRACE(name);
        const Array& other = parts.at(name);
        ASSERT_EQ(value.shape(), other.shape());
        if (value.dtype() == i32) {
          EXPECT_THAT(other.values<int32_t>(), testing::ElementsAreArray(value.values<int32_t>()));
          continue;
        }
        for (int64_t i = 0; i < value.size(); ++i) {
          const auto at = static_cast<size_t>(i);
          const float expected = value.values<float>()[at];
          EXPECT_NEAR(other.values<float>()[at], expected, tolerance * std::max(1.f, std::abs(expected)))
              << i;
        }
      }
    }
  }
}

TEST(MicroBatches, AddUpAMean) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const Tensor scores = model(in["ids"]);
    const Tensor loss = cross_entropy(scores, maximum(in["labels"], 0));
    const Tensor right = sum(cast(argmax(scores, -1) == in["labels"], i32));
    return {{"loss", optimizer.minimize(loss).loss}, {"scores", scores}, {"right", right}};
  });
}

TEST(MicroBatches, DivideOnceByAllThatCounts) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const Tensor loss = cross_entropy(model(in["ids"]), in["labels"],
                                      {.ignore_index = -1, .position_weights = in["weights"]});
    const Update update = optimizer.minimize(loss, {.clip_norm = 0.1, .check_finite = true});
    return {{"loss", update.loss}, {"norm", update.gradient_norm}};
  });
}

TEST(MicroBatches, AddUpLossesOfSeveralKinds) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const Tensor scores = model(in["ids"]);
    const Tensor first = cross_entropy(scores, in["labels"], {.ignore_index = -1});
    const Tensor second = sum(square(scores) * expand_dims(in["weights"], -1)) / sum(in["weights"]);
    Tensor decay = mean(square(model.classes.weight));
    const Tensor loss = exp(first) + log(1 + second) + 0.1 * decay;
    return {{"loss", optimizer.minimize(loss).loss}, {"most", max(scores)}, {"least", min(scores)}};
  });
}

TEST(MicroBatches, MayBeGoneOverForEachOfTwoOptimisers) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const Parameters head(model.classes);
    const Tensor first = cross_entropy(model(in["ids"]), in["labels"], {.ignore_index = -1});
    const Tensor loss = optimizer.minimize(first, {.parameters = head}).loss;
    const Tensor again = mean(square(model.hidden(in["values"])) * sum(model.classes.weight));
    return {{"loss", loss}, {"again", model.second.minimize(again, {.parameters = model.hidden}).loss}};
  });
}

TEST(MicroBatches, DrawTheNumbersOfTheWholeBatch) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const int64_t rows = in["values"].shape()[0];
    const Tensor noise = random_normal({rows, kWidth});
    const auto block = [&](const Tensor& x) { return dropout(tanh(model.hidden(x)), 0.3); };
    const Tensor inner = checkpoint(block, in["values"] + noise);
    const ScanStep steps = scan(Operands({inner}), Operands({transpose(in["weights"], {1, 0})}),
                                [&](const std::vector<Tensor>& carries, const std::vector<Tensor>& slices) {
                                  const Tensor next = dropout(carries[0], 0.2) + expand_dims(slices[0], -1);
                                  return ScanStep{{next}, {sum(next, -1)}};
                                });
    const Tensor loss = mean(square(model.classes(steps.carries[0])));
    const Tensor place = iota({rows, 2}, 0, f32);
    return {{"loss", optimizer.minimize(loss).loss},
            {"noise", noise},
            {"steps", steps.outputs[0]},
            {"place", place}};
  });
}

// Weights and statistics of inputs alone are the whole batch's also where they go back into rows.
TEST(MicroBatches, KnowTheWholeBatchOfInputs) {
  expect_same(
      [](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
        const Tensor x = in["values"];
        const Tensor normal = (x - mean(x, 0)) / standard_deviation(x, 0);
        const Tensor most = in["weights"] / max(in["weights"]);
        const Tensor weights = most / sum(most);
        const Tensor each = mean(square(model.classes(tanh(model.hidden(normal)))), -1);
        const Tensor loss = sum(expand_dims(each, -1) * weights);
        return {{"loss", optimizer.minimize(loss).loss}, {"weights", weights}, {"all", logsumexp(x, 0)}};
      },
      16);
}

TEST(MicroBatches, TakeAndScatterWithinRows) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const Tensor scores = model(in["ids"]);
    const Tensor labels = maximum(in["labels"], 0);
    const Tensor taken = take_along_axis(log_softmax(scores), expand_dims(labels, -1), -1);
    const Tensor second = transpose(scores, {1, 0, 2});
    const Tensor at = transpose(labels, {1, 0});
    const Tensor across = take_along_axis(second, expand_dims(at, -1), 2);
    const Tensor weights = expand_dims(in["weights"], -1);
    const Tensor set = scatter_along_axis(scores, expand_dims(labels, -1), weights, 2);
    const Tensor added = scatter_along_axis(scores, expand_dims(labels, -1), weights, 2, Scatter::add);
    const Tensor loss = mean(square(set)) + mean(square(added)) - mean(taken) + mean(square(across));
    return {{"loss", optimizer.minimize(loss).loss}, {"set", set}, {"added", added}, {"across", across}};
  });
}

TEST(MicroBatches, AlignByCtc) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const Tensor steps = log_softmax(transpose(model(in["ids"]), {1, 0, 2}));
    const Tensor targets = slice(maximum(in["labels"], 1), 1, 0, 1);
    const Tensor lengths = reshape(targets, {-1}) * 0 + 1;
    const Tensor loss = ctc_loss(steps, targets, lengths + 2, lengths);
    return {{"loss", optimizer.minimize(loss).loss}, {"steps", steps}};
  });
}

TEST(MicroBatches, AttendWithDropout) {
  expect_same([](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
    const Tensor x = expand_dims(model.words(in["ids"]), 1);
    AttentionOptions options;
    options.dropout = 0.3;
    const Tensor loss = mean(square(attention(x, x, x, options)));
    return {{"loss", optimizer.minimize(loss).loss}};
  });
}

// Its statistics are those of each micro-batch, the running ones get their mean.
TEST(MicroBatches, NormaliseByThemselves) {
  nn::Module root;
  nn::Parameter one(root, "one", {kWidth}, Initializer::ones());
  nn::BatchNorm norm(root, "norm", kWidth);
  Program program;
  program.add("train", {{"x", f32, {kBatch, kWidth}}},
              [&](const Inputs& in) -> Outputs {
                return {{"y", norm(in["x"] * one)}};
              },
              {.training = true, .micro_batches = 2});
  program.compile({.device = "cpu"});
  const std::vector<float> x{1, 2, 3, 4, 5, 3, 2, 1, 0, 5, 10, 20, 30, 40, 50, 14, 22, 30, 44, 50};
  const Arrays result = program.run("train", {{"x", Array::from<float>(x, {4, kWidth})}});
  const auto y = result.at("y").values<float>();
  // (1 - 2) / sqrt(1 + 1e-5), (10 - 12) / sqrt(4 + 1e-5)
  EXPECT_NEAR(y[0], -0.999995, 1e-6);
  EXPECT_NEAR(y[10], -0.99999875, 1e-6);
  // 0.1 * (2 + 12) / 2
  EXPECT_NEAR(program.state("norm.running_mean").values<float>()[0], 0.7, 1e-6);
}

TEST(MicroBatches, TakeLessMemory) {
  const auto bytes = [](int64_t micro_batches) {
    Model model;
    SGD optimizer;
    Program program;
    program.add("train", inputs(),
                [&](const Inputs& in) -> Outputs {
                  const Tensor loss = cross_entropy(model(in["ids"]), in["labels"], {.ignore_index = -1});
                  return {{"loss", optimizer.minimize(loss).loss}};
                },
                {.training = true, .micro_batches = micro_batches});
    program.compile({.dims = {{kBatch, 4096}}});
    const std::string text = program.memory("train");
    return std::stoll(text.substr(text.find("arena ") + 6));
  };
  EXPECT_LT(bytes(8), bytes(1) / 5);
}

std::string message_of_step(const Step& step, int64_t rows = kRows) {
  Model model;
  SGD optimizer;
  Program program;
  program.add("train", inputs(), [&](const Inputs& in) { return step(model, optimizer, in); },
              {.training = true, .micro_batches = 4});
  return message_of([&] { program.compile({.device = "reference", .dims = {{kBatch, rows}}}); });
}

TEST(MicroBatches, SayWhatCannotBeCut) {
  const auto loss_of = [](const std::function<Tensor(Model&, const Inputs&)>& body) {
    return [body](Model& model, Optimizer& optimizer, const Inputs& in) -> Outputs {
      return {{"loss", optimizer.minimize(body(model, in)).loss}};
    };
  };
  const auto mean_loss = loss_of([](Model& model, const Inputs& in) { return mean(model(in["ids"])); });
  EXPECT_THAT(message_of_step(mean_loss, 30),
              testing::HasSubstr("train: 'batch' is 30, which micro_batches = 4 does not divide"));
  EXPECT_THAT(message_of_step(loss_of(
                  [](Model& model, const Inputs& in) { return mean(slice(model(in["ids"]), 0, 0, 1)); })),
              testing::AllOf(testing::HasSubstr("certain rows of the batch"),
                             testing::HasSubstr("micro_batches_test.cc")));
  EXPECT_THAT(message_of_step(loss_of([](Model& model, const Inputs& in) { return max(model(in["ids"])); })),
              testing::HasSubstr("the loss is made from reduce_max over the batch"));
  EXPECT_THAT(message_of_step(loss_of([](Model& model, const Inputs& in) {
                const Tensor scores = model(in["ids"]);
                const Tensor middle = mean(scores);
                return mean(square(scores - middle)) + middle;
              })),
              testing::HasSubstr("rows of the batch and the loss both use"));
  EXPECT_THAT(
      message_of_step(loss_of([](Model& model, const Inputs& in) {
        const Tensor scores = model.hidden(in["values"]);
        return mean(square(matmul(scores, transpose(scores, {1, 0}))));
      })),
      testing::HasSubstr("micro-batches are f32[8,8] where the whole batch is f32[32,32], which is not "
                         "4 of them along one axis (micro_batches_test.cc"));
  const auto output_of = [](const std::function<Tensor(Model&, const Inputs&)>& body) {
    return [body](Model& model, Optimizer&, const Inputs& in) -> Outputs { return {{"y", body(model, in)}}; };
  };
  EXPECT_THAT(
      message_of_step(
          output_of([](Model& model, const Inputs& in) { return logsumexp(model.hidden(in["values"]), 0); })),
      testing::HasSubstr("rows of the batch use what it makes of their micro-batch, and add needs both "
                         "what they make of it and that of the whole batch (micro_batches_test.cc"));
  const std::string twice = "output 'y' has the batch several times within one axis";
  EXPECT_THAT(message_of_step(output_of([](Model&, const Inputs& in) {
                return concat({in["values"], in["values"]}, 0);
              })),
              testing::HasSubstr(twice));
  EXPECT_THAT(message_of_step(output_of([](Model&, const Inputs& in) {
                return reshape(transpose(in["values"], {1, 0}), {-1});
              })),
              testing::HasSubstr(twice));
}

// What came for either, and where.
TEST(MicroBatches, SayWhereTheyAreBuiltInAnotherWay) {
  const auto message = [](const std::function<Outputs(const Tensor& x, bool is_whole)>& body) {
    const std::string text = message_of_step([&](Model&, Optimizer&, const Inputs& in) {
      const Tensor x = in["values"];
      return body(x, x.dim(0) == kRows);
    });
    return std::regex_replace(text, std::regex(":[0-9]+"), "");
  };
  const std::string head =
      "the function is not built alike for the whole batch and for a micro-batch: the former has ";
  const std::string tail =
      "; what it builds must not depend on how many rows there are, or there must be fewer micro-batches";
  const std::string here = " (micro_batches_test.cc)";
  EXPECT_EQ(message([](const Tensor& x, bool is_whole) -> Outputs {
              return {{"y", is_whole ? x * x : x + x}};
            }),
            head + "mul f32[32,5]" + here + ", where the latter has add f32[8,5]" + here + tail);
  EXPECT_EQ(message([](const Tensor& x, bool is_whole) -> Outputs {
              const Tensor a = exp(x), b = tanh(x);
              return {{"y", a * (is_whole ? a : b)}};
            }),
            head + "exp f32[32,5]" + here + " as operand 2 of mul f32[32,5]" + here +
                ", where the latter has tanh f32[8,5]" + here + " as operand 2 of mul f32[8,5]" + here +
                tail);
  EXPECT_EQ(message([](const Tensor& x, bool is_whole) -> Outputs {
              return {{"y", is_whole ? exp(x) : x}};
            }),
            head + "exp f32[32,5]" + here + ", where the latter has nothing more" + tail);
  EXPECT_EQ(message([](const Tensor& x, bool is_whole) -> Outputs {
              if (is_whole) return {{"y", x}};
              return {{"y", x}, {"z", x}};
            }),
            head + "outputs 'y', where the latter has outputs 'y', 'z'" + tail);
}

TEST(MicroBatches, SayWhatOptionsDoNotFit) {
  Program program;
  const auto body = [](const Inputs&) { return Outputs(); };
  EXPECT_EQ(message_of([&] { program.add("f", {}, body, {.micro_batches = 0}); }),
            "f: micro_batches is at least 1, got 0");
  EXPECT_EQ(message_of([&] {
              program.add("f", {{"x", f32, {3, 4}}}, body, {.micro_batches = 2});
            }),
            "f: micro_batches cuts the Dim that leads an input, and no input begins with one");
}

}  // namespace
}  // namespace sinter
