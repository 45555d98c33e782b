#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

// Attention over texts that come in pieces.
namespace sinter {
namespace {

constexpr int64_t kTexts = 2, kTime = 7, kWidth = 12;

struct Pieces {
  Dim batch{"batch"}, time{"time"}, capacity{"capacity"};
  nn::Module root;
  nn::MultiHeadAttention layer;
  Program program;
  int line_of_extend = 0;

  Pieces(const nn::MultiHeadAttentionOptions& options, const std::string& device)
      : layer(root, "layer", cached(options)) {
    const std::vector<Extent> shape = {batch, time, kWidth};
    program.add("whole", {{"x", f32, shape}}, [this](const Inputs& in) -> Outputs {
      return {{"y", layer(in["x"])}};
    });
    program.add("extend", {{"x", f32, shape}}, [this](const Inputs& in) -> Outputs {
      line_of_extend = static_cast<int>(std::source_location::current().line()) + 1;
      return {{"y", layer.extend(in["x"])}};
    });
    // Those that stand before the first of a text.
    program.add("extend_padded", {{"x", f32, shape}, {"padding", i32, {batch}}},
                [this](const Inputs& in) -> Outputs {
                  const Tensor slots = arange(layer.cache->keys.read().dim(2));
                  const Tensor mask = slots >= reshape(in["padding"], {-1, 1, 1, 1});
                  return {{"y", layer.extend(in["x"], mask)}};
                });
    program.compile({.device = device, .threads = 2, .seed = 5});
  }
  nn::MultiHeadAttentionOptions cached(nn::MultiHeadAttentionOptions options) const {
    options.width = kWidth;
    options.cache = {.capacity = capacity, .batch = batch};
    return options;
  }
};

Array words(int64_t texts = kTexts, int64_t time = kTime) {
  Array x(f32, {texts, time, kWidth});
  for (int64_t i = 0; i < x.size(); ++i) {
    x.values<float>()[static_cast<size_t>(i)] = static_cast<float>(i * 7 % 23 - 11) * 0.2f;
  }
  return x;
}

// Positions from `first` on of each text, `count` of them.
Array piece(const Array& x, int64_t first, int64_t count) {
  const int64_t texts = x.shape()[0], time = x.shape()[1];
  Array part(f32, {texts, count, kWidth});
  for (int64_t text = 0; text < texts; ++text) {
    const float* from = x.values<float>().data() + (text * time + first) * kWidth;
    std::copy_n(from, count * kWidth, part.values<float>().data() + text * count * kWidth);
  }
  return part;
}

Array extend(Session& session, const Array& x, const std::string& name = "extend",
             const Array& padding = {}) {
  Function function = session.function(name, {{"time", x.shape()[1]}});
  function.set_input("x", x);
  if (padding.defined()) function.set_input("padding", padding);
  function.run();
  return function.output("y");
}

void expect_pieces(const Array& whole, Session& session, const Array& x, const std::vector<int64_t>& counts) {
  int64_t first = 0;
  for (const int64_t count : counts) {
    SCOPED_TRACE(first);
    EXPECT_THAT(floats(extend(session, piece(x, first, count))),
                testing::Pointwise(testing::FloatNear(1e-5f), floats(piece(whole, first, count))));
    first += count;
  }
}

struct Caches : testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Devices, Caches, testing::ValuesIn(kDevices),
                         [](const auto& of) { return of.param; });

TEST_P(Caches, GiveWhatTheWholeTextGives) {
  const std::vector<nn::MultiHeadAttentionOptions> all = {
      {.heads = 2, .causal = true},
      {.heads = 2, .kv_heads = 1, .causal = true, .window = 3, .rotary_base = 10000},
      {.heads = 6, .causal = true, .softcap = 0.7, .alibi = true},
  };
  for (const auto& options : all) {
    Pieces pieces(options, GetParam());
    const Array x = words(), whole = pieces.program.run("whole", {{"x", x}}).at("y");
    Session session = pieces.program.session({{"batch", kTexts}, {"capacity", kTime}});
    expect_pieces(whole, session, x, {4, 1, 1, 1});
    session.reset();
    expect_pieces(whole, session, x, {1, 1, 3, 2});
    EXPECT_EQ(session.state("layer.cache.length").item<int32_t>(), kTime);
    EXPECT_EQ(pieces.program.states().size(), 8u);  // no cache among them
  }
}

// Many at once, of other sizes.
TEST_P(Caches, BelongToTheirSessions) {
  Pieces pieces({.heads = 2, .causal = true, .rotary_base = 10000}, GetParam());
  const Array x = words(), whole = pieces.program.run("whole", {{"x", x}}).at("y");
  const Array y = words(1, 5), other = pieces.program.run("whole", {{"x", y}}).at("y");
  Session first = pieces.program.session({{"batch", kTexts}, {"capacity", 9}});
  Session second = pieces.program.session({{"batch", 1}, {"capacity", 5}});
  expect_pieces(whole, first, x, {3});
  expect_pieces(other, second, y, {2, 1});
  EXPECT_THAT(floats(extend(first, piece(x, 3, 1))),
              testing::Pointwise(testing::FloatNear(1e-5f), floats(piece(whole, 3, 1))));
  EXPECT_THAT(floats(extend(second, piece(y, 3, 2))),
              testing::Pointwise(testing::FloatNear(1e-5f), floats(piece(other, 3, 2))));
}

// A text of 5 beside one of 7: the same as by itself, as rotary positions look at distances alone.
TEST_P(Caches, TakeTextsPaddedInFront) {
  Pieces pieces({.heads = 2, .causal = true, .rotary_base = 10000}, GetParam());
  const Array x = words(), alone = piece(x, 2, 5);
  const Array whole = pieces.program.run("whole", {{"x", alone}}).at("y");
  Session session = pieces.program.session({{"batch", kTexts}, {"capacity", kTime}});
  const Array padding = Array::from<int32_t>({0, 2}, {2});
  extend(session, piece(x, 0, 6), "extend_padded", padding);
  const std::vector<float> got = floats(extend(session, piece(x, 6, 1), "extend_padded", padding));
  const std::vector<float> want = floats(piece(whole, 4, 1));
  EXPECT_THAT(
      std::vector<float>(got.begin() + kWidth, got.end()),
      testing::Pointwise(testing::FloatNear(1e-5f), std::vector<float>(want.begin() + kWidth, want.end())));
}

TEST_P(Caches, RefuseWhatDoesNotFit) {
  Pieces pieces({.heads = 2, .causal = true}, GetParam());
  const Array x = words();
  Session session = pieces.program.session({{"batch", kTexts}, {"capacity", 5}});
  extend(session, piece(x, 0, 4));
  const std::string at =
      " (key_value_cache_test.cc:" + std::to_string(pieces.line_of_extend) + ", in layer.cache)";
  const std::vector<float> keys = floats(session.state("layer.cache.keys"));
  EXPECT_EQ(message_of([&] { extend(session, piece(x, 4, 2)); }),
            "KeyValueCache is full: index 5 of 'layer.cache' is outside [0,5)" + at);
  EXPECT_EQ(floats(session.state("layer.cache.keys")), keys);
  EXPECT_EQ(session.state("layer.cache.length").item<int32_t>(), 4);
  extend(session, piece(x, 4, 1));
  EXPECT_EQ(message_of([&] { extend(session, piece(x, 5, 1)); }),
            "KeyValueCache is full: index 5 of 'layer.cache' is outside [0,5)" + at);
  EXPECT_EQ(message_of([&] { extend(session, words(kTexts, 6)); }),
            "MultiHeadAttention: 6 positions do not fit a capacity of 5" + at);
}

// A step of one position: of what is kept, it reads all once and writes that position alone.
TEST(KeyValueCache, StepIsFewKernelsAndCopiesNone) {
  const int64_t positions = 4096, width = 64;
  for (const char* device : {"cpu", "vulkan"}) {
    nn::Module root;
    nn::MultiHeadAttention layer(root, "layer",
                                 {.width = width,
                                  .heads = 4,
                                  .causal = true,
                                  .rotary_base = 10000,
                                  .cache = nn::KeyValueCacheOptions{.capacity = positions}});
    Program program;
    program.add("extend", {{"x", f32, {1, 1, width}}}, [&](const Inputs& in) -> Outputs {
      return {{"y", layer.extend(in["x"])}};
    });
    program.compile({.device = device});
    const std::string explained = program.explain("extend"), memory = program.memory("extend");
    SCOPED_TRACE(explained);
    EXPECT_LE(std::stoi(explained.substr(explained.find(": ") + 2)), 8);
    EXPECT_LT(std::stoi(memory.substr(memory.find("arena ") + 6)), positions * width);
  }
}

}  // namespace
}  // namespace sinter
