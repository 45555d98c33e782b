#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/tensor.h"
#include "tests/support/message_of.h"

// Batches of any number of rows through a function that was compiled for one.
namespace sinter {
namespace {

constexpr int64_t kBatchRows = 4, kRowWords = 3, kRowWidth = 16, kRowVocabulary = 20;

Array words_of(int64_t rows) {
  Array words(i32, {rows, kRowWords});
  auto values = words.values<int32_t>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int32_t>((i * 7 + i / 5) % kRowVocabulary);
  return words;
}

std::string bits_of(const Array& array) {
  return {static_cast<const char*>(array.host().raw()), array.host().bytes()};
}

struct RowModel {
  nn::Module root;
  nn::Embedding embedding{root, "embedding", kRowVocabulary, kRowWidth};
  nn::MultiHeadAttention attention{root, "attention", {.width = kRowWidth, .heads = 2}};
  nn::LayerNorm norm{root, "norm", kRowWidth};
  nn::Linear classes{root, "classes", kRowWidth, 5};
  Dim batch{"batch"};
  Program program;

  explicit RowModel(const std::string& device, int64_t rows = kBatchRows) {
    program.add("predict", {{"words", i32, {batch, kRowWords}}, {"scale", f32, {}}},
                [this](const Inputs& in) -> Outputs {
                  const Tensor x = embedding(in["words"]);
                  const Tensor scores = classes(norm(x + attention(x))) * in["scale"];
                  const Tensor best = argmax(scores, -1);
                  return {
                      {"scores", scores},
                      {"best", best},
                      {"flat", reshape(scores, {-1, 5})},
                      {"by_word", transpose(scores, {1, 0, 2})},
                      {"chosen", take_along_axis(softmax(scores, -1), reshape(best, {-1, kRowWords, 1}), -1)},
                      {"pooled", max(scores, {1, 2})}};
                });
    program.compile({.device = device, .threads = 2, .seed = 3, .dims = {{batch, rows}}});
  }

  Arrays inputs(int64_t rows) const { return {{"words", words_of(rows)}, {"scale", Array::scalar(1.5f)}}; }
};

// Each row's bits are those that it has in a call of its own, whose batch it fills.
void expect_rows(const std::string& device) {
  RowModel model(device);
  Function predict = model.program.function("predict"), alone = model.program.function("predict");
  for (const int64_t rows : {int64_t{1}, kBatchRows - 1, kBatchRows, kBatchRows + 1, 3 * kBatchRows + 2}) {
    SCOPED_TRACE(std::to_string(rows) + " rows on " + device);
    const Arrays inputs = model.inputs(rows), all = predict.run_rows(inputs);
    EXPECT_EQ(all.at("scores").shape(), (Shape{rows, kRowWords, 5}));
    EXPECT_EQ(all.at("flat").shape(), (Shape{rows * kRowWords, 5}));
    EXPECT_EQ(all.at("by_word").shape(), (Shape{kRowWords, rows, 5}));
    EXPECT_EQ(bits_of(all.at("flat")), bits_of(all.at("scores")));
    for (int64_t row = 0; row < rows; ++row) {
      const Array of_row = inputs.at("words").slice(row, row + 1);
      for (int64_t i = 0; i < kBatchRows; ++i) {
        std::ranges::copy(of_row.values<int32_t>(), alone.input<int32_t>("words").begin() + i * kRowWords);
      }
      alone.set_input("scale", inputs.at("scale"));
      alone.run();
      for (const char* name : {"scores", "best", "chosen", "pooled"}) {
        EXPECT_EQ(bits_of(all.at(name).slice(row, row + 1)), bits_of(alone.output(name).slice(0, 1)))
            << name << " of row " << row;
      }
      for (int64_t word = 0; word < kRowWords; ++word)
        EXPECT_EQ(bits_of(all.at("by_word")[word][row]), bits_of(all.at("scores")[row][word]));
    }
  }
  const Arrays none = predict.run_rows(model.inputs(0));
  EXPECT_EQ(none.at("by_word").shape(), (Shape{kRowWords, 0, 5}));
}

TEST(RunRows, GivesEachRowItsBits) {
  expect_rows("cpu");
  expect_rows("vulkan");
  expect_rows("reference");
}

TEST(RunRows, CutsABatchOfOne) {
  RowModel one("cpu", 1);
  const Arrays inputs = one.inputs(3), all = one.program.function("predict").run_rows(inputs);
  EXPECT_EQ(all.at("by_word").shape(), (Shape{kRowWords, 3, 5}));
  for (int64_t row = 0; row < 3; ++row) {
    const Arrays alone = one.program.run(
        "predict", {{"words", inputs.at("words").slice(row, row + 1)}, {"scale", inputs.at("scale")}});
    EXPECT_EQ(bits_of(all.at("scores").slice(row, row + 1)), bits_of(alone.at("scores")));
  }
}

TEST(RunRows, IsForManyThreads) {
  RowModel model("cpu");
  std::vector<std::string> expected;
  std::vector<int64_t> batches = {1, 3, 4, 5, 14, 2};
  Function predict = model.program.function("predict");
  for (const int64_t rows : batches)
    expected.push_back(bits_of(predict.run_rows(model.inputs(rows)).at("scores")));
  std::vector<std::thread> threads;
  std::vector<int> wrong(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    threads.emplace_back([&, i] {
      Function own = model.program.function("predict");
      for (size_t turn = 0; turn < 50; ++turn) {
        const size_t which = (i + turn) % batches.size();
        wrong[i] += bits_of(own.run_rows(model.inputs(batches[which])).at("scores")) != expected[which];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : wrong) EXPECT_EQ(count, 0);
}

// One output each, of x f32[batch,3], w f32[3] and, for the whole batch, 4 of them.
std::string refused(const std::function<Tensor(const Inputs&)>& body, int64_t rows = 3) {
  const Dim batch("batch");
  Program program;
  program.add("f", {{"x", f32, {batch, 3}}, {"w", f32, {3}}}, [&](const Inputs& in) -> Outputs {
    return {{"y", body(in)}};
  });
  program.compile({.device = "reference", .dims = {{batch, 4}}});
  Function f = program.function("f");
  const Array w(f32, {3});
  EXPECT_EQ(message_of([&] { f.run_rows({{"x", Array(f32, {4, 3})}, {"w", w}}); }), "");
  std::string message = message_of([&] { f.run_rows({{"x", Array(f32, {rows, 3})}, {"w", w}}); });
  const std::string begin =
      "f: a batch of " + std::to_string(rows) + " cannot be run as 4: output 'y' is not by rows: ";
  if (message.starts_with(begin)) message = message.substr(begin.size());
  return message.substr(0, message.find(" ("));
}

TEST(RunRows, RefusesWhatIsNotByRows) {
  EXPECT_EQ(refused([](const Inputs& in) { return in["x"] * in["w"]; }), "");
  EXPECT_EQ(refused([](const Inputs& in) { return cumsum(in["x"], 1) + sum(in["x"], {1}, keepdims); }), "");
  EXPECT_EQ(refused([](const Inputs& in) { return mean(in["x"]); }), "reduce_sum");
  EXPECT_EQ(refused([](const Inputs& in) { return mean(in["x"], {0}); }, 5), "reduce_sum");
  EXPECT_EQ(refused([](const Inputs& in) { return in["x"] - mean(in["x"], {0}, keepdims); }), "reduce_sum");
  EXPECT_EQ(refused([](const Inputs& in) { return softmax(in["x"], 0); }), "reduce_max");
  EXPECT_EQ(refused([](const Inputs& in) { return cumsum(in["x"], 0); }), "cumsum");
  EXPECT_EQ(refused([](const Inputs& in) { return reverse(in["x"], {0}); }), "reverse");
  EXPECT_EQ(refused([](const Inputs& in) { return slice(in["x"], 0, 1, 4); }), "slice");
  EXPECT_EQ(refused([](const Inputs& in) {
              return matmul(in["x"], transpose(in["x"], {1, 0}));
            }),
            "contract");
  EXPECT_EQ(refused([](const Inputs& in) { return in["x"] + random_uniform(in["x"].shape()); }),
            "random_uniform");
  EXPECT_EQ(refused([](const Inputs& in) { return in["x"] + cast(iota(in["x"].shape(), 0), f32); }), "add");
  EXPECT_EQ(refused([](const Inputs& in) { return in["w"] * 2; }), "it depends on no row");
}

TEST(RunRows, SaysWhatDoesNotFit) {
  RowModel model("cpu");
  Function predict = model.program.function("predict");
  const Array scale = Array::scalar(1.0f), words = words_of(3);
  EXPECT_EQ(message_of([&] { predict.run_rows({{"words", words}}); }), "predict: input 'scale' is missing");
  EXPECT_EQ(message_of([&] {
              predict.run_rows({{"words", words}, {"scale", scale}, {"x", scale}});
            }),
            "predict: no input is called 'x'; inputs are 'words', 'scale'");
  EXPECT_EQ(message_of([&] {
              predict.run_rows({{"words", Array(i32, {3, 2})}, {"scale", scale}});
            }),
            "predict: input 'words' is i32[3,3], got i32[3,2]");
  EXPECT_EQ(message_of([&] {
              predict.run_rows({{"words", words}, {"scale", Array(f32, {3})}});
            }),
            "predict: input 'scale' is f32[], got f32[3]");
  EXPECT_EQ(message_of([&] {
              predict.run_rows({{"words", Array()}, {"scale", scale}});
            }),
            "predict: input 'words' is undefined");

  const Dim batch("batch");
  nn::Module root;
  nn::Buffer total(root, "total", {3});
  Program program;
  const auto row_sums = [](const Inputs& in) -> Outputs { return {{"y", sum(in["x"], {-1})}}; };
  program.add("fixed", {{"x", f32, {4, 3}}}, row_sums);
  program.add("both", {{"x", f32, {batch, batch}}}, row_sums);
  program.add("two", {{"x", f32, {batch, 3}}, {"z", f32, {batch, 1}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"] + in["z"]}};
  });
  program.add("writes", {{"x", f32, {batch, 3}}}, [&](const Inputs& in) -> Outputs {
    total.assign(total + sum(in["x"], {0}));
    return {{"y", sum(in["x"], {-1})}};
  });
  program.compile({.device = "reference", .dims = {{batch, 4}}});
  const auto message = [&](const std::string& name, const Arrays& inputs) {
    return message_of([&] { program.function(name).run_rows(inputs); });
  };
  EXPECT_EQ(
      message("fixed", {{"x", Array(f32, {5, 3})}}),
      "fixed: input 'x' is f32[4,3], got f32[5,3], and there is no batch to be cut: no input begins with "
      "a Dim");
  EXPECT_EQ(message("both", {{"x", Array(f32, {5, 5})}}),
            "both: input 'x' is f32[4,4], got f32[5,5], and there is no batch to be cut: axis 1 of "
            "input 'x' is batch");
  EXPECT_EQ(message("two", {{"x", Array(f32, {5, 3})}, {"z", Array(f32, {6, 1})}}),
            "two: input 'z' is f32[5,1], got f32[6,1]");
  EXPECT_EQ(message("writes", {{"x", Array(f32, {5, 3})}}),
            "writes: input 'x' is f32[4,3], got f32[5,3], and there is no batch to be cut: it writes state");
  EXPECT_EQ(message("writes", {{"x", Array(f32, {4, 3})}}), "");
  EXPECT_EQ(program.step(), 1u);
}

}  // namespace
}  // namespace sinter
