// Trains a Tagger that was exported for vulkan, in the folder where it lies, and writes what it gave as
// train.c does: player STEPS.
#include <sinter/error.h>
#include <sinter/exported.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>

using sinter::ExportedProgram;
using sinter::Function;

namespace {

void append(std::ofstream& file, std::span<const float> values) {
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
}

void play(int steps) {
  ExportedProgram tagger("tagger.sinter");
  tagger.load("tagger.safetensors");
  Function train = tagger.function("train_batch_16");
  const std::span<int32_t> words = train.input<int32_t>("words"), labels = train.input<int32_t>("labels");
  std::ofstream losses("losses");
  uint32_t number = 1;
  for (int step = 0; step < steps; ++step) {
    for (size_t i = 0; i < words.size(); ++i) {
      number = number * 1664525u + 1013904223u;
      words[i] = static_cast<int32_t>((number >> 8) % 50);
      labels[i] = words[i] % 5;
    }
    train.run();
    append(losses, train.output<float>("loss"));
  }
  tagger.save("trained.safetensors");

  std::ofstream scores("scores"), of_one("scores_of_one"), noise("noise");
  Function all = tagger.function("predict_batch_16"), one = tagger.function("predict_batch_1");
  sinter::Array copied(sinter::i32, all.inputs()[0].shape);
  std::copy(words.begin(), words.end(), copied.values<int32_t>().begin());
  all.set_input("words", copied);
  all.run();
  append(scores, all.output<float>("scores"));
  std::copy_n(words.begin(), one.input<int32_t>("words").size(), one.input<int32_t>("words").begin());
  one.run();
  append(of_one, one.output<float>("scores"));
  Function drawn = tagger.function("noise");
  for (int call = 0; call < 3; ++call) drawn.run();
  append(noise, drawn.output<float>("noise"));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    play(argc > 1 ? std::atoi(argv[1]) : 1);
    return 0;
  } catch (const sinter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
