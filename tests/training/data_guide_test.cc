#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <iostream>
#include <random>

#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"
#include "tests/support/snippets.h"

// What docs/data.md shows, as it stands there.
namespace sinter {
namespace {

// 90 images of 2 x 2 pixels, bright in the corner that their label says, as IDX.
void write_images(const std::string& images, const std::string& labels) {
  std::string pixels("\0\0\x08\3\0\0\0\x5a\0\0\0\2\0\0\0\2", 16), classes("\0\0\x08\1\0\0\0\x5a", 8);
  for (int i = 0; i < 90; ++i) {
    for (int pixel = 0; pixel < 4; ++pixel) pixels += static_cast<char>(pixel == i % 4 ? 250 : i);
    classes += static_cast<char>(i % 4);
  }
  runtime::write_file_atomically(images, pixels);
  runtime::write_file_atomically(labels, classes);
}

TEST(DataGuide, TrainsAClassifier) {
  const ScratchFolder scratch;
  const std::string images = scratch.path("images"), labels = scratch.path("labels"),
                    run = scratch.path("run");
  write_images(images, labels);
  const std::string device = "cpu";

  nn::Module model;
  nn::Linear classes(model, "classes", 4, 4);
  // guide: train
  Dim batch{"batch"};
  const Batches::Columns columns = {{"image", open_idx(images)}, {"label", open_idx(labels)}};
  Batches batches(columns, {.size = 16, .dim = batch, .order = Order::shuffled, .seed = 1});
  Batches held_out(columns, {.size = 64, .dim = batch});

  const auto logits_of = [&](const Inputs& in) {
    return classes(reshape(cast(in["image"], f32) / 255, {batch, 4}));
  };
  const auto loss_of = [&](const Tensor& logits, const Inputs& in) {
    return cross_entropy(logits, in["label"], {.position_weights = in["weight"]});
  };
  const std::vector<Input> inputs = {
      {"image", i32, {batch, 2, 2}}, {"label", i32, {batch}}, {"weight", f32, {batch}}};
  AdamW optimizer({.learning_rate = 0.1});
  Program program;
  program.add("train", inputs,
              [&](const Inputs& in) -> Outputs {
                return {{"loss", optimizer.minimize(loss_of(logits_of(in), in)).loss}};
              },
              {.training = true});
  program.add("evaluate", inputs, [&](const Inputs& in) -> Outputs {
    const Tensor logits = logits_of(in);
    return {{"loss", loss_of(logits, in)},
            {"confusion", confusion_counts(logits, in["label"], {.weights = in["weight"]})}};
  });
  program.compile({.device = device, .seed = 1});

  Checkpoints checkpoints(run, {.keep = 2});
  const std::vector<EpochReport> epochs = train(program, batches,
                                                {.epochs = 20,
                                                 .evaluation = &held_out,
                                                 .patience = 3,
                                                 .checkpoints = &checkpoints,
                                                 .progress = stdout});
  // guide: end
  // guide: measure
  Confusion confusion;
  confusion.add(epochs.back().evaluation.sum("confusion"));
  std::cout << confusion.accuracy() << " " << confusion.recall(3) << "\n";
  // guide: end
  EXPECT_GT(confusion.accuracy(), 0.95);
  // guide: resume
  if (const std::optional<Checkpoint> latest = checkpoints.load_latest(program))
    batches.seek(latest->notes.position);
  Function step = program.function("train", {{batch, 16}});
  for (int i = 0; i < 100; ++i) {
    batches.next().feed(step);
    step.run();
    if (i % 20 == 19)
      checkpoints.save(program, {.position = batches.position(), .texts = {{"why", "every 20 steps"}}});
  }
  checkpoints.wait();
  // guide: end
  EXPECT_EQ(checkpoints.list().back().notes.texts.at("why"), "every 20 steps");
}

TEST(DataGuide, MakesBatchesOfAllKinds) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("tokens", std::string(2000, '\1')),
                    table = scratch.path("table.csv");
  runtime::write_file_atomically(table, "name,height,age\nA,1.5,3\nB,2,7\n");
  const std::string array = scratch.path("a.npy"), tensors = scratch.path("a.safetensors");
  // guide: files
  save_npy(array, Array::from<float>({1, 2, 3, 4, 5, 6}, {3, 2}));
  const Array x = load_npy(array);
  std::cout << x << "\n" << x.slice(1, 3) << "\n" << x[-1] << "\n";
  save_safetensors(tensors, {{{"x", x}}, {{"made by", "hand"}}});
  const std::string maker = load_safetensors(tensors).metadata.at("made by");
  const Csv csv = load_csv(table, {.columns = {"age", "height"}});
  const Array heights = csv.column("height");
  // guide: end
  EXPECT_EQ(maker, "hand");
  EXPECT_EQ(heights.size(), 2);
  // guide: tokens
  const auto [inputs, targets] = windows(open_tokens(path, TokenType::u16), 64);
  Batches batches({{"inputs", inputs}, {"targets", targets}},
                  {.size = 12, .order = Order::random, .seed = 1});
  // guide: end
  EXPECT_EQ(batches.next().arrays.at("targets").shape(), (Shape{12, 64}));
  const Rows tokens = Array::from<int32_t>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {9});
  const Array ends = Array::from<int64_t>({1, 3, 9}, {3}), labels(i32, {3});
  // guide: buckets
  const Sequences texts = sequences(tokens, ends);  // text i ends at ends[i]
  Batches by_length(
      {{"ids", texts.values}, {"lengths", texts.lengths}, {"labels", labels}},
      {.size = 32,
       .order = Order::shuffled,
       .buckets = Buckets{.lengths = "lengths", .columns = {"ids"}, .sizes = {2, 8}, .dim = "time"}});
  const Batch some =
      by_length.next();  // ids i32[32,2] or i32[32,8]; some.dims is {{"time", 2}} or {{"time", 8}}
  // guide: end
  EXPECT_EQ(some.arrays.at("ids").shape()[1], some.dims.at("time"));
  // guide: transform
  const auto brighten = [](Batch& batch, uint64_t seed) {
    std::mt19937_64 random(seed);
    for (float& value : batch.arrays.at("image").values<float>())
      value *= std::uniform_real_distribution<float>(0.9f, 1.1f)(random);
  };
  Batches augmented({{"image", x}}, {.size = 2, .transform = brighten, .threads = 2, .ahead = 4});
  // guide: end
  EXPECT_EQ(augmented.next().rows, 2);
}

TEST(DataGuide, ShowsWhatIsTestedHere) {
  expect_shown("data.md", "training/data_guide_test.cc",
               {"train", "measure", "resume", "files", "tokens", "buckets", "transform"});
  expect_shown("data.md", "training/pytorch_test.cc", {"names"});
}

}  // namespace
}  // namespace sinter
