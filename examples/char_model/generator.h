#pragma once

#include <sinter/sinter.h>

#include <optional>
#include <string>
#include <vector>

#include "examples/char_model/model.h"
#include "examples/char_model/text.h"

namespace char_model {

struct GenerationOptions {
  double temperature = 0.8;  // 0: always the most probable character
  int64_t top_k = 0;         // of the so many most probable ones; 0: of all
  double top_p = 1;          // of the fewest that make up this share
  bool cache = true;         // keep keys and values; without, each character reads its whole context
  sinter::CompileOptions compile = {};  // the seed is of the draws, too
};

// Writes on from a prompt with a trained model. Where a text has become longer than the model's context, the
// model goes on from the second half of it.
class Generator {
 public:
  // `path` is a checkpoint, or a folder of such, of which the best is taken.
  Generator(const std::string& path, const GenerationOptions& options);

  // What comes next, a character at a time. The prompt has at least one.
  void begin(const std::u32string& prompt);
  std::string next();

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  struct Loaded;
  Generator(Loaded loaded, const GenerationOptions& options);

  int64_t first_of(int64_t count) const;  // where the context begins of a text of so many characters
  int32_t draw_with_cache();
  int32_t draw_without();
  sinter::Tensor drawn(const sinter::Tensor& scores) const;

  const sinter::Dim time_{"time"};
  const ModelOptions options_;
  const Vocabulary vocabulary_;
  const GenerationOptions how_;
  Model model_;
  sinter::Program program_;
  std::optional<sinter::Session> session_;
  std::optional<sinter::Function> one_, again_, whole_;
  std::vector<int32_t> ids_;
  int64_t read_ = 0;   // of ids, those whose keys and values are kept
  int64_t first_ = 0;  // the first of them
};

}  // namespace char_model
