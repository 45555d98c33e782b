// A text generator: a small transformer that learns a rhyme letter by letter, and then writes. What it has
// written so far stays in a session as keys and values, so that a letter more is a step of one position. The
// same letters come of going over the whole text each time.
#include <sinter/sinter.h>

#include <algorithm>
#include <cstdio>
#include <string>

using namespace sinter;

const std::string kText =
    "one for sorrow, two for joy, three for a girl, four for a boy, five for silver, six for gold, "
    "seven for a secret never to be told. ";
// It has seen as many positions as it writes.
constexpr int kLength = 64, kBatch = 8, kSteps = 150, kWidth = 64;

// Letters are numbered as they come in the alphabet of the text.
struct Letters {
  std::string all = kText;
  Letters() {
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  int64_t count() const { return static_cast<int64_t>(all.size()); }
  Array encode(const std::string& text) const {
    Array ids(i32, {static_cast<int64_t>(text.size())});
    for (size_t i = 0; i < text.size(); ++i) ids.data<int32_t>()[i] = static_cast<int32_t>(all.find(text[i]));
    return ids;
  }
};

struct Writer : nn::Module {
  explicit Writer(int64_t letters)
      : letters(*this, "letters", letters, kWidth), out(*this, "out", kWidth, letters) {}

  nn::Embedding letters;
  nn::ModuleList<nn::TransformerBlock> blocks{
      *this, "blocks", 2,
      nn::TransformerBlockOptions{.attention = {.width = kWidth,
                                                .heads = 4,
                                                .causal = true,
                                                .rotary_base = 10000,
                                                .cache = nn::KeyValueCacheOptions{.capacity = kLength}}}};
  nn::Linear out;

  Tensor whole(const Tensor& ids) {  // [n,t] gives logits [n,t,letters]
    Tensor x = letters(ids);
    for (nn::TransformerBlock& block : blocks) x = block(x);
    return out(x);
  }
  Tensor next(const Tensor& ids) {  // the same of what comes next in a session, [1,t]
    Tensor x = letters(ids);
    for (nn::TransformerBlock& block : blocks) x = block.extend(x);
    return out(x);
  }
};

int main(int argc, char** argv) try {
  const Letters letters;
  Writer model(letters.count());
  AdamW optimizer({.learning_rate = cosine_decay(3e-3, 20, kSteps)});
  Dim time{"time"};
  Program program;
  program.add(
      "train", {{"inputs", i32, {kBatch, kLength}}, {"targets", i32, {kBatch, kLength}}},
      [&](const Inputs& in) -> Outputs {
        return {{"loss", optimizer.minimize(cross_entropy(model.whole(in["inputs"]), in["targets"])).loss}};
      },
      {.training = true});
  // A letter after `ids`, which come after what the session has seen.
  program.add("next", {{"ids", i32, {1, time}}, {"temperature", f32, {}}}, [&](const Inputs& in) -> Outputs {
    const Tensor last = at(model.next(in["ids"]), 1, -1);  // [1,letters]
    return {{"letter", sample(last, {.temperature = in["temperature"]})}};
  });
  // The most probable letter after the first `length` of `ids`; what comes behind them is not seen by them.
  program.add("again", {{"ids", i32, {1, kLength}}, {"length", i32, {}}}, [&](const Inputs& in) -> Outputs {
    const Tensor logits = at(model.whole(in["ids"]), 0, 0);  // [capacity,letters]
    return {{"letter", argmax(gather(logits, in["length"] - 1), -1)}};
  });
  program.compile({.device = argc > 1 ? argv[1] : "cpu", .seed = 1});

  const auto [inputs, targets] = windows(letters.encode(kText + kText), kLength);
  Batches batches({{"inputs", inputs}, {"targets", targets}},
                  {.size = kBatch, .order = Order::random, .seed = 1, .weight = ""});
  Function step = program.function("train");
  for (int i = 1; i <= kSteps; ++i) {
    batches.next().feed(step);
    step.run();
    if (i % 50 == 0) std::printf("step %d: loss %.3f\n", i, step.value<float>("loss"));
  }

  const std::string prompt = "one for ";
  const auto write = [&](float temperature) {
    Session session = program.session();
    std::string text = prompt, unread = prompt;
    while (text.size() < kLength) {
      Function next = session.function("next", {{"time", unread.size()}});
      std::ranges::copy(letters.encode(unread).values<int32_t>(), next.input<int32_t>("ids").begin());
      next.input<float>("temperature")[0] = temperature;
      next.run();
      unread = letters.all[next.value<int32_t>("letter")];
      text += unread;
    }
    return text;
  };
  const std::string with_cache = write(0);
  std::printf("the most probable: %s\nat temperature 1.5: %s\n", with_cache.c_str(), write(1.5f).c_str());

  std::string without = prompt;
  Function again = program.function("again");
  while (without.size() < kLength) {
    std::ranges::copy(letters.encode(without).values<int32_t>(), again.input<int32_t>("ids").begin());
    again.input<int32_t>("length")[0] = static_cast<int32_t>(without.size());
    again.run();
    without += letters.all[again.value<int32_t>("letter")];
  }
  std::printf("without a cache it is %s\n", with_cache == without ? "the same" : without.c_str());
  return with_cache == without && with_cache == kText.substr(0, kLength) ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
