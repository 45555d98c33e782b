#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "runtime/safetensors.h"
#include "tests/frontend/evaluate.h"
#include "tests/support/snippets.h"

// The model and program of docs/dsl.md, as they stand there.
namespace sinter {
namespace {

constexpr int64_t vocabulary = 50;

// guide: model
struct Block : nn::Module {
  nn::MultiHeadAttention attention{*this, "attention", {.width = 64, .heads = 4}};
  nn::FeedForward feed_forward{*this, "feed_forward", {.width = 64, .hidden = 128}};

  Block(nn::Module& owner, std::string name) : Module(owner, std::move(name)) {}

  Tensor operator()(Tensor x, const Tensor& lengths) const {
    nn::Scope scope(*this);
    x = x + attention(x, {.lengths = lengths});
    return x + feed_forward(x);
  }
};

struct Classifier : nn::Module {
  nn::Embedding words{*this, "words", vocabulary, 64, {.deviation = 0.5}};
  nn::Parameter positions{*this, "positions", {10, 64}, Initializer::normal(0, 0.5)};
  nn::ModuleList<Block> blocks{*this, "blocks", 2};
  nn::Linear classes{*this, "classes", 64, 5};

  Tensor operator()(const Tensor& ids, const Tensor& lengths) {
    Tensor x = dropout(words(ids) + positions, 0.3);
    for (Block& block : blocks) x = block(x, lengths);
    return classes(x);
  }
};
// guide: end

std::vector<float> trained(int steps, const std::string& device) {
  // guide: program
  Classifier model;
  AdamW optimizer({.learning_rate = linear_decay(2e-3, 6640, 0.05), .weight_decay = 0.01});
  Dim batch{"batch"};

  Program program;
  program.add("train", {{"ids", i32, {batch, 10}}, {"lengths", i32, {batch}}, {"labels", i32, {batch, 10}}},
              [&](const Inputs& in) -> Outputs {
                Tensor logits = model(in["ids"], in["lengths"]);
                Tensor loss = cross_entropy(logits, in["labels"], {.ignore_index = -100});
                return {{"loss", optimizer.minimize(loss, {.check_finite = true}).loss}};
              },
              {.training = true});
  program.add("predict", {{"ids", i32, {batch, 10}}, {"lengths", i32, {batch}}},
              [&](const Inputs& in) -> Outputs {
                return {{"probabilities", softmax(model(in["ids"], in["lengths"]))}};
              });
  program.compile({.device = device, .threads = 2, .seed = 1, .dims = {{batch, 32}}});
  // guide: end

  std::vector<float> losses;
  // guide: loop
  Function step = program.function("train");
  std::span<int32_t> ids = step.input<int32_t>("ids");  // [32,10], row-major, yours to fill
  std::span<int32_t> lengths = step.input<int32_t>("lengths");
  std::span<int32_t> labels = step.input<int32_t>("labels");
  for (int i = 0; i < steps; ++i) {
    for (size_t k = 0; k < ids.size(); ++k) labels[k] = (ids[k] = static_cast<int32_t>(k % 50)) % 5;
    std::fill(lengths.begin(), lengths.end(), 10);
    step.run();
    losses.push_back(step.value<float>("loss"));
  }
  // guide: end
  return losses;
}

TEST(Guide, ItsProgramLearns) {
  const std::vector<float> losses = trained(12, "reference");
  EXPECT_NEAR(losses.front(), 1.7f, 0.5f);
  EXPECT_LT(losses.back(), 0.8f * losses.front());
}

TEST(Guide, ItsLoadMapsNames) {
  const std::string path = testing::TempDir() + "guide_test.safetensors";
  runtime::SafetensorsFile file;
  for (const char* name : {"encoder.0.fc.weight", "encoder.1.fc.weight"}) {
    file.tensors.emplace(name,
                         runtime::HostTensor::from<float>(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}));
  }
  runtime::write_safetensors(path, file);
  struct Part : nn::Module {
    Part(nn::Module& owner, std::string name) : Module(owner, std::move(name)) {}
    nn::Linear fc{*this, "fc", 3, 2};
  };
  nn::Module model;
  nn::ModuleList<Part> blocks(model, "blocks", 2);
  Program program;
  program.add("f", {{"x", f32, {1, 3}}}, [&](const Inputs& in) -> Outputs {
    return {{"y", blocks[0].fc(in["x"]) + blocks[1].fc(in["x"])}};
  });
  program.compile({.device = "reference"});
  // guide: load
  const std::vector<LoadName> names = {{"encoder.*.weight", "blocks.*.weight", {1, 0}},  // transposed
                                       {"encoder.*", "blocks.*"}};
  LoadReport report = program.load(path, {.ignore_missing = true, .names = names});
  // guide: end
  EXPECT_EQ(report.loaded.size(), 2u);
  EXPECT_THAT(report.missing, testing::UnorderedElementsAre("blocks.0.fc.bias", "blocks.1.fc.bias"));
  EXPECT_THAT(floats(program.state("blocks.1.fc.weight")), testing::ElementsAre(1, 4, 2, 5, 3, 6));
  std::remove(path.c_str());
}

TEST(Guide, ItsOptimisersTakeTurns) {
  nn::Module models;
  nn::Linear generator(models, "generator", 4, 2), critic(models, "critic", 2, 1);
  SGD of_generator({.name = "of_generator"}), of_critic({.name = "of_critic"});
  Program program;
  program.add("train", {}, [&](const Inputs&) -> Outputs {
    const Tensor real = ones({8, 2}), fake = generator(random_normal({8, 4}));
    // guide: turns
    Tensor loss = mean(softplus(-critic(real)) + softplus(critic(stop_gradient(fake))));
    Tensor first = of_critic.minimize(loss, {.parameters = critic}).loss;
    Tensor second = of_generator.minimize(mean(softplus(-critic(fake))), {.parameters = generator}).loss;
    // guide: end
    return {{"first", first}, {"second", second}};
  });
  program.compile({.device = "reference"});
  program.run("train", {});
  EXPECT_EQ(program.step(), 1u);
}

TEST(Guide, ShowsWhatIsTestedHere) {
  expect_shown("dsl.md", "frontend/guide_test.cc", {"model", "program", "loop", "load", "turns"});
}

}  // namespace
}  // namespace sinter
