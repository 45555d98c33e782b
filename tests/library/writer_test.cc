#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"

// The model of docs/layers.md.
namespace sinter {
namespace {

struct Writer : nn::Module {
  Dim time{"time"}, capacity{"capacity"};
  nn::Embedding words{*this, "words", 256, 64, {.weight_initializer = Initializer::normal(0, 0.02)}};
  nn::ModuleList<nn::TransformerBlock> blocks{
      *this, "blocks", 2,
      nn::TransformerBlockOptions{.attention = {.width = 64,
                                                .heads = 4,
                                                .causal = true,
                                                .rotary_base = 10000,
                                                .cache = nn::KeyValueCacheOptions{.capacity = capacity}},
                                  .gated = true,
                                  .norm = nn::NormKind::rms,
                                  .norm_first = true}};
  nn::RMSNorm last{*this, "last", 64};

  Tensor whole(const Tensor& ids) {
    Tensor x = words(ids);
    for (nn::TransformerBlock& block : blocks) x = block(x);
    return words.logits(last(x));
  }
  Tensor next(const Tensor& ids) {
    Tensor x = words(ids);
    for (nn::TransformerBlock& block : blocks) x = block.extend(x);
    return words.logits(last(x));
  }
};

// Greedily from a prompt of `kPrompt` words, which is longer than the size that programs are tried with.
TEST(Writer, WritesTheSameWithAndWithoutACache) {
  constexpr int64_t kPrompt = 5, kWritten = 12;
  for (const std::string& device : kDevices) {
    Writer writer;
    Program program;
    program.add("whole", {{"ids", i32, {1, writer.time}}}, [&](const Inputs& in) -> Outputs {
      return {{"best", argmax(writer.whole(in["ids"]), -1)}};
    });
    for (const auto& [name, time] : {std::pair<std::string, Extent>{"next", 1}, {"prompt", kPrompt}}) {
      program.add(name, {{"ids", i32, {1, time}}}, [&](const Inputs& in) -> Outputs {
        return {{"best", at(argmax(writer.next(in["ids"]), -1), 1, -1)}};
      });
    }
    program.compile({.device = device, .seed = 8});
    std::vector<int32_t> text = {7, 200, 31, 0, 99};
    Session session = program.session({{"capacity", kPrompt + kWritten}});
    Function prompt = session.function("prompt"), next = session.function("next");
    prompt.set_input("ids", Array::from<int32_t>(text, {1, kPrompt}));
    prompt.run();
    text.push_back(prompt.value<int32_t>("best"));
    while (static_cast<int64_t>(text.size()) < kPrompt + kWritten) {
      next.input<int32_t>("ids")[0] = text.back();
      next.run();
      text.push_back(next.value<int32_t>("best"));
    }
    const auto time = static_cast<int64_t>(text.size());
    const Array best = program.run("whole", {{"ids", Array::from<int32_t>(text, {1, time})}}).at("best");
    for (size_t i = kPrompt; i < text.size(); ++i)
      EXPECT_EQ(best.values<int32_t>()[i - 1], text[i]) << device;
  }
}

}  // namespace
}  // namespace sinter
